"""MS-SSIM, the structural similarity of two pictures, and its mean over pairs of a breed as a measure of diversity."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pedigree.metrics import check_labels
from pedigree.metrics.diversity import Labels, PerBreed

Images = NDArray[np.uint8]
Planes = NDArray[np.float32]  # (n, channels, height, width)
Places = NDArray[np.intp]

WINDOW = 11  # the side of the Gaussian window, in pixels; its standard deviation is _DEVIATION pixels

_DEVIATION = 1.5
_WEIGHTS = np.array(
    [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
)  # of the scales, from fine to coarse (section 3.2 of the paper)
_MIDDLE = 127.5  # subtracted from pixels, so that float32 is precise enough for variances
_LUMINANCE_FLOOR, _CONTRAST_FLOOR = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_VALUES_AT_ONCE = 2**18  # in the pictures of a block, small enough for the processor's cache


def ms_ssim(one: Images, other: Images) -> NDArray[np.float64]:
    """Return the multi-scale structural similarity of pairs of pictures (Wang, Simoncelli and Bovik, 2003).

    The window is not padded. The result is the average over the channels. The paper has five scales; only those that
    the window fits into are used, with their weights scaled to sum to 1: one at 16 px, two at 32 px, three at 64 px.
    So values are not comparable between picture sizes. A scale with a negative average counts as 0.

    Args:
        one, other: `(n, height, width, channels)` uint8, sides at least 11.

    Returns:
        `(n,)` in 0..1; 1 for identical pictures.

    Raises:
        ValueError: the shapes differ, or the pictures are not uint8 or too small.
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
    """Return the mean MS-SSIM of random pairs of each breed, low if they vary (Odena et al., 2017, section 4.2).

    The pairs of a breed are all different. If there are no more than `pairs`, all are used. They only depend on `seed`,
    the breed's label and its number of pictures. The standard error is for new pictures: pairs that share a picture do
    not count as independent (Aronow, Samii and Assenova, 2015).

    Args:
        images: `(n, height, width, channels)` uint8, sides at least 11.
        labels: `(n,)` in 0..breeds-1.
        breeds: the number of breeds; a breed may have no pictures.
        seed: of the choice of pairs, at least 0.
        pairs: the number of pairs of each breed, at least 1.

    Returns:
        The means, in 0..1. NaN if a breed has fewer than 2 pictures; its standard error is NaN with fewer than 3.

    Raises:
        ValueError: the pictures or labels are not as above, or `pairs` is less than 1.
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


def _planes(images: Images) -> Planes:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) - np.float32(_MIDDLE)


def _multiscale(one: Planes, other: Planes) -> NDArray[np.float64]:
    """Return the weighted geometric mean over the scales, `(n,)`: structure at each, luminance only at the coarsest."""
    scales = list(_scales(one, other))
    weights = _WEIGHTS[: len(scales)] / _WEIGHTS[: len(scales)].sum()
    product = np.ones(one.shape[:2])
    for place, (pair, weight) in enumerate(zip(scales, weights, strict=True)):
        structure, luminance = _compare(*pair)
        local = structure * luminance if place == len(scales) - 1 else structure
        product *= np.maximum(local.mean(axis=(2, 3), dtype=np.float64), 0.0) ** weight
    return np.asarray(product.mean(axis=1))


def _scales(one: Planes, other: Planes) -> Iterator[tuple[Planes, Planes]]:
    """Yield the pair at each scale, half the size each time, while the window fits and the paper has a weight."""
    for _ in _WEIGHTS:
        if min(one.shape[2:]) < WINDOW:
            return
        yield one, other
        one, other = _halved(one), _halved(other)


def _halved(planes: Planes) -> Planes:
    """Average blocks of 2×2 pixels. An odd side repeats its last row or column."""
    odd = [side % 2 for side in planes.shape[2:]]
    even = np.pad(planes, ((0, 0), (0, 0), *((0, more) for more in odd)), mode="edge") if any(odd) else planes
    wide = even[:, :, ::2] + even[:, :, 1::2]
    return np.asarray((wide[..., ::2] + wide[..., 1::2]) * np.float32(0.25))


def _compare(one: Planes, other: Planes) -> tuple[Planes, Planes]:
    """Return contrast times structure, and luminance, at each place of the window (equations 1 to 3 of the paper)."""
    mean_one, mean_other = _blurred(one), _blurred(other)
    both, apart = mean_one * mean_other * 2, mean_one**2 + mean_other**2
    covariance = _blurred(one * other) * 2 - both
    variance = _blurred(one**2 + other**2) - apart
    shift = np.float32(2 * _MIDDLE) * (mean_one + mean_other + np.float32(_MIDDLE))  # back to means in 0..255
    structure = (covariance + np.float32(_CONTRAST_FLOOR)) / (variance + np.float32(_CONTRAST_FLOOR))
    floor = shift + np.float32(_LUMINANCE_FLOOR)
    return np.asarray(structure, np.float32), np.asarray((both + floor) / (apart + floor), np.float32)


def _blurred(planes: Planes) -> Planes:
    """Average under the window with one matrix product per side: `(…, h, w)` to `(…, h - 10, w - 10)`."""
    height, width = planes.shape[2:]
    return np.asarray(_band(height).T @ (planes @ _band(width)))


@cache
def _band(side: int) -> Planes:
    """Return the `(side, side - 10)` matrix whose columns contain the window, shifted by one pixel each time."""
    offsets = np.arange(side)[:, None] - np.arange(side - WINDOW + 1)
    inside = (offsets >= 0) & (offsets < WINDOW)
    weights = np.where(inside, np.exp(-0.5 * ((offsets - WINDOW // 2) / _DEVIATION) ** 2), 0.0)
    return np.asarray(weights / weights.sum(axis=0), np.float32)


def _distinct_pairs(count: int, pairs: int, chance: np.random.Generator) -> tuple[Places, Places]:
    """Choose `pairs` of the pairs i < j of 0..count-1, or all of them if there are no more."""
    total = count * (count - 1) // 2
    chosen = np.sort(chance.choice(total, pairs, replace=False)) if pairs < total else np.arange(total)
    later = ((1 + np.sqrt(1 + 8 * chosen.astype(np.float64))) / 2).astype(np.intp)
    later -= later * (later - 1) // 2 > chosen  # if the root was rounded up
    return chosen - later * (later - 1) // 2, later


def _standard_error(values: NDArray[np.float64], one: Places, other: Places) -> float:
    """Return the standard error of a mean over pairs, some of which share a picture. NaN for a single pair."""
    if len(values) < 2:
        return float("nan")
    residuals = values - values.mean()
    pictures = np.unique(np.concatenate([one, other]))
    sums = np.bincount(one, residuals, pictures[-1] + 1) + np.bincount(other, residuals, pictures[-1] + 1)
    alone = residuals @ residuals
    shared = max(sums @ sums - alone, alone)  # sharing can only add variance, but its estimate can be negative
    lost = 2 / len(pictures)  # the residuals are too small by this share, because the mean comes from the same pictures
    return float(np.sqrt(shared) / (len(values) * (1 - lost)))


def _check_pictures(**samples: Images) -> None:
    for name, images in samples.items():
        if images.ndim != 4 or images.dtype != np.uint8 or min(images.shape[1:3]) < WINDOW or not images.shape[3]:
            shape = f"(n, height, width, channels) uint8 with sides of at least {WINDOW}"
            raise ValueError(f"{name} must be {shape}. Received: {images.shape} {images.dtype}")
