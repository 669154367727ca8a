"""The fast CPU convolutions give the same results and derivatives as Keras's own layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedigree.backends import cpu_layers

SHAPES = [(8, 5, 6), (16, 3, 4), (32, 5, 3), (14, 4, 7)]  # side of the larger maps, channels of the larger and smaller


def numbers(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float64)


def layer(kind, layer_module, channels, size=4, **options):
    keras.utils.set_random_seed(1)
    return getattr(layer_module, kind)(
        channels,
        size,
        **({"strides": 2, "padding": "same", "bias_initializer": "normal", "dtype": "float64"} | options),
    )


def derivatives(layer, x):
    """Return outputs, gradients with respect to inputs and kernel, and gradients of a function of these gradients."""
    layer(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            outputs = layer(x)
            first = tf.reduce_sum(outputs * tf.sin(outputs))
        gradients = inner.gradient(first, [x, layer.kernel.value])
        second = sum(tf.reduce_sum(gradient * tf.sin(gradient)) for gradient in gradients)
    return [outputs, *gradients, *outer.gradient(second, [x, *(weight.value for weight in layer.weights)])]


@pytest.mark.parametrize(("side", "channels", "others"), SHAPES)
@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
def test_outputs_and_derivatives_are_those_of_keras(kind, side, channels, others):
    x = numbers(3, side, side, channels) if kind == "Conv2D" else numbers(3, side // 2, side // 2, others)
    filters = others if kind == "Conv2D" else channels
    check_equal(*(derivatives(layer(kind, layer_module, filters), x) for layer_module in (cpu_layers, keras.layers)))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_depthwise_convolutions_agree_with_keras(size, stride):
    x = numbers(3, 6, 8, 5)
    options = {"strides": stride, "padding": "same", "bias_initializer": "normal", "dtype": "float64"}
    results = []
    for layer_module in (cpu_layers, keras.layers):
        keras.utils.set_random_seed(1)
        results.append(derivatives(layer_module.DepthwiseConv2D(size, **options), x))
    check_equal(*results)


@pytest.mark.parametrize("size", [5, 8, (7, 2)])
def test_large_kernels_to_few_channels_agree_with_keras(size):
    x = numbers(2, 9, 10, 6)
    check_equal(
        *(
            derivatives(layer("Conv2D", layer_module, 3, size, strides=1), x)
            for layer_module in (cpu_layers, keras.layers)
        )
    )


def check_equal(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize("options", [{"strides": 1}, {"padding": "valid"}])
@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
def test_other_convolutions_are_left_to_keras(kind, options):
    x = numbers(2, 9, 9, 3)
    np.testing.assert_array_equal(layer(kind, cpu_layers, 5, **options)(x), layer(kind, keras.layers, 5, **options)(x))


def test_odd_sides_are_left_to_keras():
    x = numbers(2, 7, 7, 3)
    np.testing.assert_array_equal(layer("Conv2D", cpu_layers, 5)(x), layer("Conv2D", keras.layers, 5)(x))


@pytest.mark.parametrize("options", [{"dilation_rate": 2, "strides": 1}, {"groups": 3, "size": 4}, {"groups": 3}])
def test_dilations_and_groups_are_left_to_keras(options):
    x = numbers(2, 12, 12, 6)
    options = {"size": 5, "strides": 2 if options.get("size") == 4 else 1} | options
    check_equal(
        *(derivatives(layer("Conv2D", layer_module, 3, **options), x) for layer_module in (cpu_layers, keras.layers))
    )


def test_relu6_is_that_of_tensorflow_for_every_bfloat16_number():
    every = np.arange(2**16, dtype=np.uint32)
    size = np.abs((every << 16).view(np.float32))
    normal = every[(size >= np.finfo(np.float32).tiny) | (size == 0)]  # no NaN, and none that TensorFlow takes for 0
    numbers = tf.bitcast(tf.constant(normal.astype(np.uint16)), tf.bfloat16)
    (ours, ours_gradient), (theirs, theirs_gradient) = map(limited, (cpu_layers.relu6, tf.nn.relu6), [numbers] * 2)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(ours_gradient, theirs_gradient)
    assert 0 < np.mean(ours_gradient) < 1


def limited(function, numbers):
    """Return the results of a function of bfloat16 numbers and its derivatives, in float32."""
    with tf.GradientTape() as tape:
        tape.watch(numbers)
        results = function(numbers)
    return [tf.cast(each, tf.float32).numpy() for each in (results, tape.gradient(results, numbers))]


@pytest.mark.parametrize("kind", ["Conv2D", "DepthwiseConv2D"])
def test_layers_use_the_fast_relu6(kind):
    channels = [4] if kind == "Conv2D" else []
    made = getattr(cpu_layers, kind)(*channels, 3, activation="relu6", padding="same", dtype="mixed_bfloat16")
    keras_made = getattr(keras.layers, kind)(*channels, 3, activation="relu6", padding="same", dtype="mixed_bfloat16")
    x = tf.random.stateless_normal((2, 8, 8, 3), (1, 2)) * 20
    for each in (made, keras_made):
        each.build(x.shape)
    keras_made.set_weights(made.get_weights())
    assert made.activation is cpu_layers.relu6
    np.testing.assert_array_equal(tf.cast(made(x), tf.float32), tf.cast(keras_made(x), tf.float32))
