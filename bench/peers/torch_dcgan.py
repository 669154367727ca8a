"""The recipe `sample` in PyTorch: projection-dcgan's networks and a training step that does the same work as ours.

With the quickest of what was tried on a CPU: eager, channels last, fused Adam, one lerp over all averaged weights. On a
GPU both networks are compiled besides, but for the gradient penalty, since a compiled network has no second derivative.
Facts stay on the device until the end of a call, as ours do. A 4×4 convolution of stride 2 pads one pixel on each side,
which is what Keras's "same" does on an even size.
"""

from argparse import Namespace
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LAST = torch.channels_last


class BreedNorm(nn.Module):
    """Batch norm whose gain and shift belong to the breed, then ReLU."""

    def __init__(self, width: int, breeds: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, eps=1e-3, affine=False)
        self.gain, self.shift = nn.Embedding(breeds, width), nn.Embedding(breeds, width)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, breed: Tensor) -> Tensor:
        gain, shift = (table(breed).to(x.dtype)[:, :, None, None] for table in (self.gain, self.shift))
        return functional.relu(torch.addcmul(shift, self.norm(x), gain))


class Generator(nn.Module):
    """Latents `(n, latent_size)`, breeds `(n,)` → images `(n, 3, size, size)` in [-1, 1]; `widths` from 4 px up."""

    def __init__(self, widths: list[int], latent_size: int, breeds: int) -> None:
        super().__init__()
        self.first = nn.Linear(latent_size, 16 * widths[0], bias=False)
        self.norms = nn.ModuleList(BreedNorm(width, breeds) for width in widths)
        self.doublings = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, latent: Tensor, breed: Tensor) -> Tensor:
        x = self.first(latent).unflatten(1, (4, 4, -1)).permute(0, 3, 1, 2)
        x = self.norms[0](x, breed)
        for doubling, norm in zip(self.doublings, self.norms[1:], strict=True):
            x = norm(doubling(x), breed)
        return torch.tanh(self.last(x).float())


class Discriminator(nn.Module):
    """Images `(n, 3, size, size)`, breeds `(n,)` → logits `(n, 1)`; `widths` from `size` down to 4 px."""

    def __init__(self, widths: list[int], breeds: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, widths[0], 3, padding=1)
        self.halvings = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.features = nn.Linear(16 * (widths[-1] + 1), widths[-1])
        self.projection, self.logit = nn.Embedding(breeds, widths[-1]), nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor, breed: Tensor) -> Tensor:
        for layer in (self.first, *self.halvings):
            x = functional.leaky_relu(layer(x), 0.2)
        x = torch.cat([x, deviation(x)], 1)
        x = functional.leaky_relu(self.features(x.permute(0, 2, 3, 1).flatten(1)), 0.2)
        agreement = (x * self.projection(breed).to(x.dtype)).sum(1, keepdim=True) / x.shape[1] ** 0.5
        return self.logit(x).float() + agreement.float()


def deviation(x: Tensor) -> Tensor:
    """Return a map `(n, 1, height, width)` of how much each group of four varies; n is a multiple of four."""
    varies = (x.float().unflatten(0, (-1, 4)).var(1, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return varies.repeat_interleave(4)[:, None, None, None].expand(-1, 1, *x.shape[2:]).to(x.dtype)


def augment(images: Tensor) -> Tensor:
    """Shift each picture by chance."""
    size = images.shape[-1]
    place, reach = torch.arange(size, device=images.device), size // 8
    offsets = torch.randint(-reach, reach + 1, (2, len(images), 1, 1, 1), device=images.device)
    down, across = (place[:, None] + offsets == place).float()
    return (down @ images @ across.mT).contiguous(memory_format=LAST)


class Trainer:
    """Both networks with their optimizers and the generator's average, on `images` and `labels` held in memory."""

    def __init__(self, how: Namespace, images: Tensor, labels: Tensor, breeds: int, bfloat16: bool) -> None:
        self.how, self.images, self.labels, self.bfloat16 = how, images, labels, bfloat16
        self.device = images.device
        levels = (images.shape[-1] // 4).bit_length() - 1
        widths = [(how.channels + 1) // 2, *(how.channels * min(2**level, 8) for level in range(levels))]
        self.generator = Generator(widths[::-1], how.latent_size, breeds).to(self.device, memory_format=LAST)
        self.discriminator = Discriminator(widths, breeds).to(self.device, memory_format=LAST)
        quick = torch.compile if self.device.type == "cuda" else lambda network: network
        self.painter, self.judged = quick(self.generator), quick(self.discriminator)
        betas = (how.adam_beta_1, how.adam_beta_2)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(network.parameters(), rate, betas, eps=1e-7, fused=True)
            for network, rate in (
                (self.generator, how.generator_learning_rate),
                (self.discriminator, how.discriminator_learning_rate),
            )
        )
        state = self.generator.state_dict().values()
        self.weights = [value.detach() for value in state if value.is_floating_point()]
        self.average = [weight.clone() for weight in self.weights]
        self.steps = 0

    def draw(self, breed: Tensor) -> Tensor:
        latents = torch.randn(len(breed), self.how.latent_size, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            return self.painter(latents, breed)

    def judge(self, images: Tensor, breed: Tensor, judges: Callable | None = None) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            return (judges or self.judged)(images, breed)

    def step(self) -> Tensor:
        chosen = torch.randint(len(self.images), (self.how.batch_size,), device=self.device)
        breed = self.labels[chosen]
        drawn = self.draw(breed)
        facts = self.discriminator_step(self.images[chosen], drawn.detach(), breed) + self.generator_step(drawn, breed)
        self.update_average()
        self.steps += 1
        return torch.stack(facts)

    def call(self, steps: int) -> list[list[float]]:
        return torch.stack([self.step() for _ in range(steps)]).tolist()

    def discriminator_step(self, photos: Tensor, drawn: Tensor, breed: Tensor) -> list[Tensor]:
        real = photos.float() / 127.5 - 1
        real = augment(torch.where(torch.rand(len(real), 1, 1, 1, device=self.device) < 0.5, real.flip(3), real))
        of_real, of_fake = self.judge(torch.cat([real, augment(drawn)]), breed.repeat(2)).chunk(2)
        loss = cross_entropy(of_real, torch.ones_like(of_real)) + cross_entropy(of_fake, torch.zeros_like(of_fake))
        due = self.how.r1_weight and self.steps % self.how.penalty_interval == 0
        penalty = self.penalty(real, breed) if due else torch.zeros((), device=self.device)
        norm = update(loss + penalty, self.discriminator_optimizer, self.discriminator)
        gap = (of_real - of_fake).abs().mean()
        return [fact.detach() for fact in (norm, loss, penalty, gap, of_real.mean(), of_fake.mean())]

    def penalty(self, real: Tensor, breed: Tensor) -> Tensor:
        logits = self.judge(real.requires_grad_(), breed, self.discriminator)
        (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
        return 0.5 * self.how.r1_weight * self.how.penalty_interval * slope.square().sum((1, 2, 3)).mean()

    def generator_step(self, drawn: Tensor, breed: Tensor) -> list[Tensor]:
        self.discriminator.requires_grad_(False)
        loss = functional.softplus(-self.judge(augment(drawn), breed)).mean()
        norm = update(loss, self.generator_optimizer, self.generator)
        self.discriminator.requires_grad_(True)
        return [norm, loss.detach()]

    def update_average(self) -> None:
        half_life = min(self.how.ema_half_life, 0.1 * (self.steps + 1) * self.how.batch_size)
        torch._foreach_lerp_(self.average, self.weights, 1 - 0.5 ** (self.how.batch_size / half_life))


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return (functional.softplus(logits) - targets * logits).mean()


def update(loss: Tensor, optimizer: torch.optim.Optimizer, network: nn.Module) -> Tensor:
    """Take one step of Adam down the loss's gradient; return the gradient's norm."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return nn.utils.get_total_norm([weight.grad for weight in network.parameters()])


def prepare(
    settings: dict, pictures: np.ndarray, breeds: np.ndarray, bfloat16: bool, gpu: bool
) -> tuple[Callable, list[int]]:
    """Return what takes so many steps, and how many weights generator and discriminator train."""
    device = "cuda" if gpu and torch.cuda.is_available() else "cpu"
    images, labels = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device), torch.from_numpy(breeds).to(device)
    trainer = Trainer(Namespace(**settings), images, labels, int(breeds.max()) + 1, bfloat16)
    networks = (trainer.generator, trainer.discriminator)
    return trainer.call, [sum(weight.numel() for weight in network.parameters()) for network in networks]


def memory() -> float | None:
    """Return the most memory used on the GPU so far, in megabytes; None where there is none."""
    return torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else None
