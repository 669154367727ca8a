"""Pairs of feature samples for the tests of metrics: ordinary, degenerate, rank-deficient, and those of real photos."""

import functools
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).parents[1] / "data" / "sample" / "images.tar"


def normal(seed, shape, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, shape)


def _low_rank(apart):
    mixes = normal(2, (8, 64)), normal(3 if apart else 2, (8, 64))
    return normal(0, (300, 8)) @ mixes[0], normal(1, (200, 8), 0.3) @ mixes[1]


def _rectified(rows, dimension):
    """Return features like those of networks: none negative, many 0, most of the variance in few directions."""
    mix = normal(2, (dimension, dimension)) / np.arange(1, dimension + 1)[:, None]
    return tuple(
        np.maximum(normal(seed, (rows, dimension)) @ mix + shift, 0).astype(np.float32)
        for seed, shift in ((0, -0.2), (1, 0.1))
    )


PAIRS = {
    "more rows than dimensions": lambda: (normal(0, (300, 64)), normal(1, (400, 64), 0.2, 1.3)),
    "fewer rows than dimensions": lambda: (normal(0, (50, 64)), normal(1, (40, 64), 0.2, 1.3)),
    "fewer generated than dimensions": lambda: (normal(0, (400, 64)), normal(1, (50, 64), 0.2, 1.3)),
    "fewer real than dimensions": lambda: (normal(0, (50, 64)), normal(1, (400, 64), 0.2, 1.3)),
    "two rows each": lambda: (normal(0, (2, 64)), normal(1, (2, 64))),
    "one subspace": lambda: _low_rank(apart=False),
    "two subspaces": lambda: _low_rank(apart=True),
    "features that never vary": lambda: (
        normal(0, (300, 64)) * (np.arange(64) < 40),
        normal(1, (300, 64), 0.2) * (np.arange(64) > 20),
    ),
    "variances over many magnitudes": lambda: tuple(
        normal(seed, (300, 40), mean) * 2.0 ** -np.arange(40) for seed, mean in ((0, 0), (1, 0.1))
    ),
    "every row twice": lambda: (np.repeat(normal(0, (50, 64)), 2, axis=0), np.repeat(normal(1, (60, 64)), 2, axis=0)),
    "a single picture again and again": lambda: (normal(0, (300, 64)), np.tile(normal(1, (1, 64)), (50, 1))),
    "rectified": lambda: _rectified(2000, 128),
    "real photos": lambda: tuple(sample[:, :200] for sample in photo_features()),
    "few features of real photos": lambda: tuple(sample[:, :12] for sample in photo_features()),
}


@functools.cache
def photo_features():
    """Return EfficientNet-Lite0's features `(32, 1280)` of 32 photos of the sample, and of 32 other, blurred ones."""
    from pedigree.features import extractors

    with tarfile.open(PHOTOS) as archive:
        names = sorted(member.name for member in archive if member.isfile())[::12]
        pictures = [Image.open(archive.extractfile(name)).convert("RGB").resize((48, 48)) for name in names[:64]]
    real, other = pictures[::2], [picture.resize((16, 16)).resize((48, 48)) for picture in pictures[1::2]]
    extractor = extractors.load("efficientnet-lite0")
    return tuple(extractor.features(np.stack([np.asarray(picture) for picture in side])) for side in (real, other))
