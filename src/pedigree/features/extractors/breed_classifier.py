"""A classifier of breeds that is trained here, on the training crops alone, as a feature network.

It has never seen ImageNet. So it is independent of networks that are trained on ImageNet, also of one that a generator
learned from (Kynkäänniemi et al., 2023, "The role of ImageNet classes in Fréchet inception distance").
"""

import hashlib
import random
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from pedigree.common.files import replacing_file
from pedigree.common.packed_crops import Crops
from pedigree.common.paths import FEATURES
from pedigree.common.progress import progress_bar
from pedigree.features.arrays import read_arrays
from pedigree.features.extractors.extraction import Floats, Pictures, extract, fingerprint
from pedigree.features.extractors.resizing import Resized, bicubic_matrix

_LARGEST = 64  # pixels; larger crops are resized
_GRID = 16  # the first convolution reduces crops to about this side
_CHANNELS = (32, 64, 128)  # at each resolution
_BATCH = 32
_RATE = 0.002
_PASSES, _MORE, _MOST = 18, 8_000, 100  # passes over the crops, pictures more than that, and passes at most
_PICTURES = 300_000  # at most
_NOT_BLURRED = 0.3  # pixels; a blur of this deviation changes nothing that can be seen


class BreedClassifier:
    """The extractor `breed-classifier`: features of a small convolutional network, and the breeds that it predicts.

    It is trained from scratch with random flips, shifts, colours, blur and noise, so that it learns to ignore these.
    """

    name = "breed-classifier"
    dimension = 256

    def __init__(self, crops: Crops, seed: int = 0, cache: Path = FEATURES) -> None:
        """Train the network, or read its weights from the folder `cache` if it was trained on these crops before.

        Args:
            crops: only the training crops are used.
            seed: of the first weights, the order of the crops and their augmentation. The same seed gives the same
                weights on one machine.
            cache: its files may be deleted at any time. A damaged file is trained and written again.
        """
        self.image_size = min(crops.size, _LARGEST)
        random.seed(seed)  # seeds the layers
        self._features, self._head = _build(self.image_size, len(crops.breeds))
        self._all = [*self._features.weights, *self._head.weights]
        path = cache / f"{self.name}-weights-{_digest(crops, seed)}.npz"
        if not self._restored(path):
            _train(self._features, self._head, crops, seed)
            with replacing_file(path) as beside:
                np.savez(beside, *map(ops.convert_to_numpy, self._all))
        self._network = Resized(self._features, self.image_size)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the weights, this code, Keras and its backend."""
        digest = hashlib.sha256()
        for weight in self._all:
            digest.update(np.asarray(ops.convert_to_numpy(weight)).tobytes())
        return fingerprint(self.name, digest.hexdigest(), keras.__version__, keras.backend.backend(), code=__file__)

    def features(self, images: Pictures, batch_size: int = 32) -> Floats:
        """Pool the last feature map over each image.

        Args:
            images: `(n, height, width, 3)` uint8 RGB, of any one size.
            batch_size: how many the network takes at once; it only changes the rounding.

        Returns:
            `(n, 256)` float32.
        """
        return extract(self._network, images, batch_size, self.dimension)

    def breeds(self, features: Floats) -> NDArray[np.intp]:
        """Turn `(n, 256)` features into the most likely breeds, `(n,)` indices into the breeds of the crops."""
        kernel, bias = map(ops.convert_to_numpy, self._head.weights)
        return np.asarray((features @ kernel + bias).argmax(axis=1))

    def _restored(self, path: Path) -> bool:
        """Set the weights stored at `path`; return whether they are there and fit."""
        stored = list(read_arrays(path).values())
        if [array.shape for array in stored] != [tuple(weight.shape) for weight in self._all]:
            return False
        for weight, array in zip(self._all, stored, strict=True):
            weight.assign(array)
        return True


def _build(size: int, breeds: int) -> tuple[Any, Any]:
    """Build the network, from RGB `(n, size, size, 3)` float32 in 0..255 to features, and the layer of the breeds."""
    inputs, patch = keras.Input((size, size, 3)), max(1, size // _GRID)
    x = layers.Conv2D(_CHANNELS[0], patch, patch, padding="same")(inputs / 127.5 - 1.0)
    for stage, channels in enumerate(_CHANNELS):
        x = layers.AveragePooling2D(2)(x) if stage else x
        x = _convolve(_convolve(x, channels, 3), channels, 3)
    x = _convolve(x, BreedClassifier.dimension, 1)
    features = keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="breed_features")
    head = layers.Dense(breeds)
    head.build((None, BreedClassifier.dimension))
    return features, head


def _convolve(x: Any, channels: int, kernel: int) -> Any:
    x = layers.Conv2D(channels, kernel, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def _train(features: Any, head: Any, crops: Crops, seed: int) -> None:
    """Train on passes over the training crops, each in a new order; fewer crops get more passes."""
    count, chance = len(crops.train_labels), np.random.Generator(np.random.Philox(key=seed))
    pictures = min(_PASSES * count + _MORE, _MOST * count, _PICTURES)
    rows = np.concatenate([chance.permutation(count) for _ in range(-(-pictures // count))])[:pictures]
    steps = -(-len(rows) // _BATCH)
    network = _trainable(features, head, steps)
    with progress_bar(label=f"train {BreedClassifier.name}", total=steps, unit="step") as bar:
        for step in range(steps):
            chosen = np.sort(rows[step * _BATCH : (step + 1) * _BATCH])
            images = augmented(crops.train_images[chosen], features.input_shape[1], chance)
            network.train_on_batch(images, crops.train_labels[chosen])
            bar.update(1)


def _trainable(features: Any, head: Any, steps: int) -> Any:
    """Return a compiled network from pictures to logits."""
    network = keras.Model(features.inputs, head(features.outputs[0]))
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=_RATE, warmup_steps=steps // 20)
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=keras.backend.backend() == "jax",  # XLA is slower on TensorFlow's CPU
    )
    return network


def augmented(images: Pictures, size: int, chance: np.random.Generator) -> Floats:
    """Resize pictures and change each at random: its side, place, sharpness, colours and grain.

    Half are mirrored. All are moved by up to a tenth of their side; the pixels at the border are repeated. Three in ten
    are blurred. Contrast changes by up to 20 %, saturation by up to a half, brightness by up to 25 grey levels. The
    noise is uniform, with a deviation of up to 25.

    Args:
        images: `(n, height, width, 3)` uint8 RGB.
        size: the side of the result in pixels.
        chance: the source of randomness.

    Returns:
        `(n, size, size, 3)` float32, about 0..255.
    """
    count, pixels = len(images), np.arange(size, dtype=np.float32)
    down, right = chance.uniform(-0.1 * size, 0.1 * size, (2, count, 1)).round()
    places = np.where(chance.random((count, 1)) < 0.5, pixels[::-1], pixels)
    blur = chance.uniform(_NOT_BLURRED, size / 40, count)
    deviation = np.where(chance.random(count) < 0.3, blur, _NOT_BLURRED)
    rows = _blurring(pixels + down, deviation) @ bicubic_matrix(images.shape[1], size)
    columns = _blurring(places + right, deviation) @ bicubic_matrix(images.shape[2], size)
    x = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)
    x = rows[:, None] @ x @ columns[:, None].swapaxes(2, 3)
    contrast, saturation = (
        chance.uniform(0.8, 1.2, (count, 1, 1, 1)),
        np.exp2(chance.uniform(-0.6, 0.6, (count, 1, 1, 1))),
    )
    grey, mean = x.mean(axis=1, keepdims=True), x.mean(axis=(1, 2, 3), keepdims=True)
    brightness = chance.uniform(-25, 25, mean.shape)
    x *= (contrast * saturation).astype(np.float32)
    x += grey * (contrast * (1 - saturation)).astype(np.float32)
    x += (mean * (1 - contrast) + brightness).astype(np.float32)
    x += chance.integers(-22, 23, x.shape, np.int8) * chance.uniform(0, 2, mean.shape).astype(np.float32)
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def _blurring(places: NDArray[np.floating], deviation: NDArray[np.floating]) -> Floats:
    """Return matrices `(n, size, size)` that move the pixels of a line from `places` `(n, size)`, and blur them."""
    size = places.shape[1]
    apart = places.clip(0, size - 1)[:, :, None].astype(np.float32) - np.arange(size, dtype=np.float32)
    weights = np.exp(-0.5 * np.square(apart / deviation[:, None, None].astype(np.float32)))
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))


def _digest(crops: Crops, seed: int) -> str:
    digest = hashlib.sha256(
        fingerprint(str(seed), str(crops.breeds), keras.__version__, keras.backend.backend(), code=__file__).encode()
    )
    for array in (crops.train_images, crops.train_labels):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
