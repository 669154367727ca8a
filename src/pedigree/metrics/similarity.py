"""How alike two pictures are in structure: MS-SSIM, and its mean over pairs of a breed as a measure of diversity."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_labels
from pedigree.metrics.diversity import Labels, PerBreed
from pedigree.metrics.estimate import Estimate

Images = NDArray[np.uint8]
Planes = NDArray[np.float32]  # (n, channels, height, width)
Places = NDArray[np.intp]

WINDOW = 11  # the side of the Gaussian window, in pixels; its standard deviation is _DEVIATION pixels

_DEVIATION = 1.5
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])  # of the scales, fine to coarse (the paper's section 3.2)
_MIDDLE = 127.5  # subtracted from pixels, so that float32 is enough for variances
_LUMINANCE_FLOOR, _CONTRAST_FLOOR = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_VALUES_AT_ONCE = 2**18  # of the pictures of a block: small enough to stay in the cache


def ms_ssim(one: Images, other: Images) -> NDArray[np.float64]:
    """Measure the multi-scale structural similarity of pairs of pictures (Wang, Simoncelli and Bovik, 2003).

    The window is never padded, and channels are measured apart and averaged. Of the paper's five scales as many are
    used as the window fits into, their weights made to sum to 1: one at 16 px, two at 32, three at 64. So values at two
    picture sizes do not compare. A scale at which two pictures oppose each other on average counts as 0.

    Args:
        one, other: `(n, height, width, channels)` uint8, sides at least 11.

    Returns:
        `(n,)` in 0..1; 1 for equal pictures.

    Raises:
        ValueError: the shapes differ, or pictures are not uint8 or too small.
    """
    _check_pictures(one=one, other=other)
    if one.shape != other.shape:
        raise ValueError(f"one and other must have the same shape. Received: {one.shape} and {other.shape}")
    similarity = np.empty(len(one))
    step = max(1, _VALUES_AT_ONCE // int(np.prod(one.shape[1:])))
    for start in range(0, len(one), step):
        block = slice(start, start + step)
        similarity[block] = _multiscale(_planes(one[block]), _planes(other[block]))
    return similarity


def pair_similarity_per_breed(images: Images, labels: Labels, breeds: int, *, seed: int, pairs: int) -> PerBreed:
    """Average MS-SSIM over random pairs of a breed's pictures: low where they vary (Odena et al., 2017, section 4.2).

    A breed's pairs are all different, and all there are where that is no more than `pairs`. They depend on `seed`, the
    breed's label and how many pictures it has, and on nothing else. The standard error is that of drawing the pictures
    anew: pairs that share a picture are not taken for independent (Aronow, Samii and Assenova, 2015).

    Args:
        images: `(n, height, width, channels)` uint8, sides at least 11.
        labels: `(n,)` in 0..breeds-1.
        breeds: how many there are, whether or not all of them occur.
        seed: what the choice of pairs depends on, at least 0.
        pairs: how many to compare of each breed, at least 1.

    Returns:
        The means, in 0..1; NaN where a breed has fewer than 2 pictures, their standard errors where fewer than 3.

    Raises:
        ValueError: pictures or labels that are not as above, or fewer than one pair.
    """
    _check_pictures(images=images)
    check_labels(labels, len(images), breeds)
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1. Received: {pairs}")
    value, error = np.full(breeds, np.nan), np.full(breeds, np.nan)
    for breed in range(breeds):
        members = np.flatnonzero(labels == breed)
        if len(members) > 1:
            chance = np.random.Generator(np.random.Philox(key=[seed, breed]))
            one, other = _distinct_pairs(len(members), pairs, chance)
            similarity = ms_ssim(images[members[one]], images[members[other]])
            value[breed], error[breed] = similarity.mean(), _standard_error(similarity, one, other)
    return PerBreed(value, error)


def pair_similarity(images: Images, labels: Labels, *, seed: int, pairs: int) -> Estimate:
    """Average MS-SSIM over random pairs of a breed, and then over the breeds, each counting the same.

    See `pair_similarity_per_breed`; NaN where no breed has two pictures.
    """
    breeds = int(labels.max(initial=-1)) + 1
    return pair_similarity_per_breed(images, labels, breeds, seed=seed, pairs=pairs).mean()


def _planes(images: Images) -> Planes:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) - np.float32(_MIDDLE)


def _multiscale(one: Planes, other: Planes) -> NDArray[np.float64]:
    """Return the weighted geometric mean over scales, `(n,)`: structure at each, luminance at the coarsest alone."""
    scales = list(_scales(one, other))
    weights = _WEIGHTS[: len(scales)] / _WEIGHTS[: len(scales)].sum()
    product = np.ones(one.shape[:2])
    for place, (pair, weight) in enumerate(zip(scales, weights, strict=True)):
        structure, luminance = _compare(*pair)
        local = structure * luminance if place == len(scales) - 1 else structure
        product *= np.maximum(local.mean(axis=(2, 3), dtype=np.float64), 0.0) ** weight
    return np.asarray(product.mean(axis=1))


def _scales(one: Planes, other: Planes) -> Iterator[tuple[Planes, Planes]]:
    """Yield the pair, then each time halved, while the window fits and the paper has a weight."""
    for _ in _WEIGHTS:
        if min(one.shape[2:]) < WINDOW:
            return
        yield one, other
        one, other = _halved(one), _halved(other)


def _halved(planes: Planes) -> Planes:
    """Average 2×2 pixels; an odd side repeats its last row or column."""
    even = np.pad(planes, ((0, 0), (0, 0), *((0, side % 2) for side in planes.shape[2:])), mode="edge")
    wide = even[:, :, ::2] + even[:, :, 1::2]
    return np.asarray((wide[..., ::2] + wide[..., 1::2]) * np.float32(0.25))


def _compare(one: Planes, other: Planes) -> tuple[Planes, Planes]:
    """Return contrast and structure, and luminance, at every place of the window (the paper's equations 1 to 3)."""
    mean_one, mean_other = _blurred(one), _blurred(other)
    both, apart = mean_one * mean_other * 2, mean_one**2 + mean_other**2
    covariance = _blurred(one * other) * 2 - both
    variance = _blurred(one**2 + other**2) - apart
    shift = np.float32(2 * _MIDDLE) * (mean_one + mean_other + np.float32(_MIDDLE))  # back to means in 0..255
    structure = (covariance + np.float32(_CONTRAST_FLOOR)) / (variance + np.float32(_CONTRAST_FLOOR))
    floor = shift + np.float32(_LUMINANCE_FLOOR)
    return np.asarray(structure, np.float32), np.asarray((both + floor) / (apart + floor), np.float32)


def _blurred(planes: Planes) -> Planes:
    """Average under the window, as a matrix product a side: `(…, h, w)` to `(…, h - 10, w - 10)`."""
    height, width = planes.shape[2:]
    return np.asarray(_band(height).T @ (planes @ _band(width)))


def _band(side: int) -> Planes:
    """Return the `(side, side - 10)` matrix whose columns are the window, each a pixel further on."""
    offsets = np.arange(side)[:, None] - np.arange(side - WINDOW + 1)
    inside = (offsets >= 0) & (offsets < WINDOW)
    weights = np.where(inside, np.exp(-0.5 * ((offsets - WINDOW // 2) / _DEVIATION) ** 2), 0.0)
    return np.asarray(weights / weights.sum(axis=0), np.float32)


def _distinct_pairs(count: int, pairs: int, chance: np.random.Generator) -> tuple[Places, Places]:
    """Choose `pairs` of the pairs i < j of 0..count-1, all of them where there are no more."""
    total = count * (count - 1) // 2
    chosen = np.sort(chance.choice(total, pairs, replace=False)) if pairs < total else np.arange(total)
    later = ((1 + np.sqrt(1 + 8 * chosen.astype(np.float64))) / 2).astype(np.intp)
    later -= later * (later - 1) // 2 > chosen  # where the root was rounded up to the next
    return chosen - later * (later - 1) // 2, later


def _standard_error(values: NDArray[np.float64], one: Places, other: Places) -> float:
    """Return the standard error of the mean of values of pairs, some of which share a picture; NaN of a single pair."""
    if len(values) < 2:
        return float("nan")
    residuals = values - values.mean()
    pictures = np.unique(np.concatenate([one, other]))
    sums = np.bincount(one, residuals, pictures[-1] + 1) + np.bincount(other, residuals, pictures[-1] + 1)
    alone = residuals @ residuals
    shared = max(sums @ sums - alone, alone)  # sharing can only add, but its estimate can come out below nothing
    lost = 2 / len(pictures)  # what the residuals lack because the mean was fitted to the same pictures
    return float(np.sqrt(shared) / (len(values) * (1 - lost)))


def _check_pictures(**samples: Images) -> None:
    for name, images in samples.items():
        if images.ndim != 4 or images.dtype != np.uint8 or min(images.shape[1:3]) < WINDOW or not images.shape[3]:
            shape = f"(n, height, width, channels) uint8 with sides of at least {WINDOW}"
            raise ValueError(f"{name} must be {shape}. Received: {images.shape} {images.dtype}")
