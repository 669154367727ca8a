"""Which precision is chosen: the one asked for, or by a measurement that is fair."""

import time

import keras
import numpy as np
import pytest

from pedigree.backends import make_engine
from pedigree.train import precision


@pytest.fixture(scope="module")
def engine():
    return make_engine("one")


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_what_is_asked_for_is_taken_unmeasured(asked, monkeypatch):
    monkeypatch.delattr(precision, "gain")
    assert precision.choose(asked, None) == asked


@pytest.mark.parametrize(("gain", "chosen"), [(0.5, "float32"), (1.04, "float32"), (1.06, "bfloat16"), (2, "bfloat16")])
def test_auto_takes_bfloat16_only_where_it_gains_clearly(gain, chosen, monkeypatch):
    monkeypatch.setattr(precision, "gain", lambda engine: gain)
    assert precision.choose("auto", None) == chosen


@pytest.mark.parametrize(("quick", "gained"), [("bfloat16", 4.0), ("float32", 0.25)])
def test_the_gain_is_float32s_best_time_by_bfloat16s_whatever_single_rounds_took(quick, gained, monkeypatch):
    rounds = {"float32": [], "bfloat16": []}

    def run_of(dtype, engine):
        def run():
            rounds[dtype].append(1)
            disturbed = 3 if len(rounds[dtype]) % 2 else 1
            time.sleep((0.01 if dtype == quick else 0.04) * disturbed)

        return run

    monkeypatch.setattr(precision, "_convolution", run_of)
    assert precision.gain(None) == pytest.approx(gained, rel=0.3)
    assert len(rounds["float32"]) == len(rounds["bfloat16"]) == precision.ROUNDS


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_is_measured_is_a_convolution_with_both_its_gradients_in_that_precision(dtype, engine, monkeypatch):
    convolve, seen = precision.ops.conv, []

    def watched(pictures, kernel, *others):
        seen.extend([keras.backend.standardize_dtype(pictures.dtype), keras.backend.standardize_dtype(kernel.dtype)])
        return convolve(pictures, kernel, *others)

    monkeypatch.setattr(precision.ops, "conv", watched)
    gradients = np.asarray(precision._convolution(dtype, engine)())
    assert seen == [dtype, dtype]
    assert gradients.shape == precision.KERNEL
    # Of the sum of the slopes at pictures: how many places of the pictures, over the batch, each weight reaches.
    batch, side = precision.SHAPE[0], precision.SHAPE[1] // precision.STRIDES
    assert batch * (side - 1) ** 2 <= gradients.min() <= gradients.max() <= batch * side**2
