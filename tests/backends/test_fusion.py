"""TensorFlow's remapper, which fuses operations, fails on some gradients and then gives other bytes in each process."""

import subprocess
import sys

SCRIPT = """
import tensorflow as tf
import keras
from pedigree.backends.tensorflow import make_engine

engine = make_engine("one")
convolution, activation = keras.layers.Conv2D(8, 3), keras.layers.LeakyReLU(0.2)
convolution.build((None, 16, 16, 4))

def objective():
    return tf.reduce_sum(activation(convolution(tf.ones((2, 16, 16, 4)))) ** 2), {}

def step(batch):
    _, gradients = engine.gradients(objective, convolution.trainable_variables)
    return {"gradient": tf.reduce_sum(gradients[0])}

print(engine.compile(step, convolution.variables)({"nothing": tf.zeros((1, 1))}, 1)["gradient"].shape)
"""


def test_no_operations_of_a_training_step_are_fused():
    environment = {"TF_CPP_MIN_LOG_LEVEL": "0", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "(1,)\n"
    assert "remapper" not in done.stderr
