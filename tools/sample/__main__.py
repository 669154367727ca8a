"""Redraws `data/sample/images.tar` and `annotation.tar`. Run it from the project's root."""

from pathlib import Path

from tools.sample.archive import write_sample

if __name__ == "__main__":
    write_sample(Path("data/sample"))
