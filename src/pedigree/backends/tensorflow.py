"""The gradient step and the device, for TensorFlow."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from pedigree.gan import ConditionalGAN, Device, Facts

Tensor = Any
BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}  # processors that multiply in bfloat16; training gains 1.2 times


class TensorFlowGAN(ConditionalGAN):
    """The GAN with its step taken by `tf.GradientTape`."""

    def train_step(self, data: Any) -> Facts:
        """Draw once; let the discriminator, then the generator learn from it; on one batch of `pedigree.batches`."""
        (batch,) = data
        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            drawn = self.draw(batch)
            with tape.stop_recording():
                discriminator_facts = self._discriminator_step(drawn, batch)
            loss, facts = self.generator_loss(drawn, batch)
        gradients = tape.gradient(loss, variables)
        self.generator_optimizer.apply(gradients, variables)
        self.update_average()
        return discriminator_facts | facts | {"generator_gradient_norm": tf.linalg.global_norm(gradients)}

    def _discriminator_step(self, drawn: Tensor, batch: Any) -> Facts:
        variables = self.discriminator.trainable_variables
        real = self.real_images(batch)
        with tf.GradientTape() as tape:
            loss, facts = self.discriminator_loss(real, drawn, batch)
            penalty = self._gradient_penalty(real, batch["labels"])
            total = loss + penalty
        gradients = tape.gradient(total, variables)
        self.discriminator_optimizer.apply(gradients, variables)
        norm = tf.linalg.global_norm(gradients)
        return facts | {"r1_penalty": penalty, "discriminator_gradient_norm": norm}

    def _gradient_penalty(self, real: Tensor, labels: Tensor) -> Tensor:
        """R1 (Mescheder et al., 2018): |gradient of the logit by the picture|², lazily (Karras et al., 2020)."""
        if self.train.r1_weight == 0:
            return tf.constant(0.0)

        def penalty() -> Tensor:
            with tf.GradientTape() as tape:
                tape.watch(real)
                logits = self.discriminator([real, labels], training=True)
            slope = tape.gradient(logits, real)
            squares = tf.reduce_sum(tf.square(slope), axis=(1, 2, 3))
            return 0.5 * self.train.r1_weight * self.train.r1_interval * tf.reduce_mean(squares)

        due = self.discriminator_optimizer.iterations % self.train.r1_interval == 0
        return tf.cond(due, penalty, lambda: tf.constant(0.0))


def find_device() -> Device:
    """Find the GPU, its memory taken as needed, or else the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return Device("cpu", _processor_name(), bool(BFLOAT16_FLAGS & set(_processor_flags())))
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    details = tf.config.experimental.get_device_details(gpus[0])
    return Device("gpu", details.get("device_name", "GPU"), details.get("compute_capability", (0, 0)) >= (8, 0))


def _processor_name() -> str:
    return next((line.split(":")[1].strip() for line in _processor_lines() if line.startswith("model name")), "CPU")


def _processor_flags() -> list[str]:
    return next((line.split() for line in _processor_lines() if line.startswith("flags")), [])


def _processor_lines() -> list[str]:
    facts = Path("/proc/cpuinfo")
    return facts.read_text().splitlines() if facts.exists() else []
