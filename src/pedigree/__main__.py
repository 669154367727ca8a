"""`python -m pedigree` is the command line."""

from pedigree.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
