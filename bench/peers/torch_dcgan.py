"""The recipes `sample` and `stanford-dogs` in PyTorch: projection-dcgan and a step that does the same work as ours.

With the quickest of what was tried on a CPU: eager, channels last, fused Adam, one lerp over all averaged weights. On a
GPU both networks are compiled besides, but for the gradient penalty, since a compiled network has no second derivative.
Facts stay on the device until the end of a call, as ours do. A 4×4 convolution of stride 2 pads one pixel on each side,
which is what Keras's "same" does on an even size.
"""

from argparse import Namespace
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from peers import torch_features
from peers.torch_features import LAST, BreedVector
from torch import Tensor, nn
from torch.nn import functional


class BreedNorm(nn.Module):
    """Batch norm whose gain and shift belong to the breed, then ReLU."""

    def __init__(self, width: int, breeds: int, known: Tensor | None) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, eps=1e-3, affine=False)
        self.gain, self.shift = (BreedVector(breeds, width, known, 0.0) for _ in range(2))

    def forward(self, x: Tensor, breed: Tensor) -> Tensor:
        gain, shift = (vector(breed).to(x.dtype)[:, :, None, None] for vector in (self.gain, self.shift))
        return functional.relu(torch.addcmul(shift, self.norm(x), 1 + gain))


class Generator(nn.Module):
    """Latents `(n, latent_size)`, breeds `(n,)` → images `(n, 3, size, size)` in [-1, 1]; `widths` from 4 px up."""

    def __init__(self, widths: list[int], latent_size: int, breeds: int, known: Tensor | None) -> None:
        super().__init__()
        self.first = nn.Linear(latent_size, 16 * widths[0], bias=False)
        self.norms = nn.ModuleList(BreedNorm(width, breeds, known) for width in widths)
        self.doublings = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, latent: Tensor, breed: Tensor) -> Tensor:
        x = self.first(latent).unflatten(1, (4, 4, -1)).permute(0, 3, 1, 2)
        x = self.norms[0](x, breed)
        for doubling, norm in zip(self.doublings, self.norms[1:], strict=True):
            x = norm(doubling(x), breed)
        return torch.tanh(self.last(x).float())


class Discriminator(nn.Module):
    """Images `(n, 3, size, size)`, breeds `(n,)` → logits `(n, 1)`, and `(n, breeds)` if it classifies.

    `widths` are from `size` down to 4 px.
    """

    def __init__(self, widths: list[int], breeds: int, classifies: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, widths[0], 3, padding=1)
        self.halvings = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.features = nn.Linear(16 * (widths[-1] + 1), widths[-1])
        self.projection, self.logit = nn.Embedding(breeds, widths[-1]), nn.Linear(widths[-1], 1)
        self.classes = nn.Linear(widths[-1], breeds) if classifies else None

    def forward(self, x: Tensor, breed: Tensor) -> tuple[Tensor, Tensor | None]:
        for layer in (self.first, *self.halvings):
            x = functional.leaky_relu(layer(x), 0.2)
        x = torch.cat([x, deviation(x)], 1)
        x = functional.leaky_relu(self.features(x.permute(0, 2, 3, 1).flatten(1)), 0.2)
        agreement = (x * self.projection(breed).to(x.dtype)).sum(1, keepdim=True) / x.shape[1] ** 0.5
        classes = None if self.classes is None else self.classes(x).float()
        return self.logit(x).float() + agreement.float(), classes


def deviation(x: Tensor) -> Tensor:
    """Return a map `(n, 1, height, width)` of how much each group of four varies; n is a multiple of four."""
    groups = x.permute(0, 2, 3, 1).float().unflatten(0, (-1, 4))
    centred = groups - groups.mean(1, keepdim=True)  # `var` takes ten times as long
    varies = (centred.square().mean(1) + 1e-8).sqrt().mean((1, 2, 3))
    return varies.repeat_interleave(4)[:, None, None, None].expand(-1, 1, *x.shape[2:]).to(x.dtype)


def augment(images: Tensor, chances: Tensor, kinds: Sequence[str]) -> Tensor:
    """Change images `(n, 3, size, size)` by uniform numbers `(n, draws(kinds))`: a gate for each kind comes first."""
    start = 0
    for kind in (kind for kind in KINDS if kind in kinds):
        count, change = KINDS[kind]
        images, start = change(images, chances[:, start + 1 : start + 1 + count]), start + 1 + count
    return images


def draws(kinds: Sequence[str]) -> int:
    return sum(1 + KINDS[kind][0] for kind in kinds if kind in KINDS)


def color(images: Tensor, chances: Tensor) -> Tensor:
    """Change brightness, saturation and contrast."""
    brightness, saturation, contrast = chances[:, :, None, None, None].unbind(1)
    brightness, saturation, contrast = brightness - 0.5, saturation * 2, contrast + 0.5
    grey = images.mean(1, keepdim=True)
    level = grey.mean((2, 3), keepdim=True)
    rest = contrast * (1 - saturation) * grey + ((1 - contrast) * level + brightness)
    return torch.addcmul(rest, images, contrast * saturation)


def translation(images: Tensor, chances: Tensor) -> Tensor:
    """Shift by up to an eighth."""
    size = images.shape[-1]
    place, reach = torch.arange(size, device=images.device), size // 8
    offsets = (chances * (2 * reach + 1)).floor().long() - reach
    padded = functional.pad(images, (reach,) * 4).permute(0, 2, 3, 1)
    rows, columns = (place + offset[:, None] + reach for offset in offsets.T)
    picture = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[picture, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def cutout(images: Tensor, chances: Tensor) -> Tensor:
    """Set a square of half the size to 0."""
    size = images.shape[-1]
    place = torch.arange(size, device=images.device) + 0.5
    rows, columns = ((place - size * chance[:, None]).abs() < size / 4 for chance in chances.T)
    return images * ~(rows[:, None, :, None] & columns[:, None, None])


KINDS = {"color": (3, color), "translation": (2, translation), "cutout": (2, cutout)}


class Trainer:
    """All networks with their optimizers and the generator's average, on `images` and `labels` held in memory.

    `known` is what is known of each breed, `(breeds, k)`, if anything.
    """

    def __init__(
        self, how: Namespace, images: Tensor, labels: Tensor, breeds: int, known: Tensor | None, bfloat16: bool
    ) -> None:
        self.how, self.images, self.labels, self.bfloat16 = how, images, labels, bfloat16
        self.device = images.device
        drawing, judging = (widths(images.shape[-1], each) for each in (how.channels, how.discriminator_channels))
        self.generator = self.placed(Generator(drawing[::-1], how.latent_size, breeds, known))
        classifies = how.conditioning == "both"
        self.discriminator = self.placed(Discriminator(judging, breeds, classifies))
        quick = torch.compile if self.device.type == "cuda" else lambda network: network
        self.painter, self.judged = quick(self.generator), quick(self.discriminator)
        self.generator_optimizer = self.adam(self.generator, how.generator_learning_rate)
        self.discriminator_optimizer = self.adam(self.discriminator, how.discriminator_learning_rate)
        self.trained, self.features_augment = [self.generator, self.discriminator], ()
        if how.features_weight:
            self.features_augment = how.features_augment
            frozen = torch_features.FrozenNetwork(how.features_input).to(torch.bfloat16 if bfloat16 else torch.float32)
            self.frozen = self.placed(frozen)
            self.heads = self.placed(torch_features.Heads(how.features_input, breeds, known))
            self.heads_optimizer = self.adam(self.heads, how.features_learning_rate)
            self.trained.append(self.heads)
        state = self.generator.state_dict().values()
        self.weights = [value.detach() for value in state if value.is_floating_point()]
        self.average = [weight.clone() for weight in self.weights]
        self.steps = 0

    def placed(self, network: nn.Module) -> nn.Module:
        return network.to(self.device, memory_format=LAST)

    def adam(self, network: nn.Module, rate: float) -> torch.optim.Adam:
        betas = (self.how.adam_beta_1, self.how.adam_beta_2)
        return torch.optim.Adam(network.parameters(), rate, betas, eps=1e-7, fused=True)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def judge(self, images: Tensor, breed: Tensor, judges: Callable | None = None) -> tuple[Tensor, Tensor | None]:
        with self.autocast():
            return (judges or self.judged)(images, breed)

    def feature_logits(self, maps: list[Tensor], breed: Tensor) -> list[Tensor]:
        with self.autocast():
            return self.heads(maps, breed)

    def batch(self) -> dict[str, Tensor]:
        """Draw what a step needs, with the names of ours."""
        count, device = self.how.batch_size, self.device
        chosen = torch.randint(len(self.images), (count,), device=device)
        images, flipped = self.images[chosen], torch.rand(count, 1, 1, 1, device=device) < 0.5
        uniform, features = draws(self.how.augment), draws(self.features_augment)
        return {
            "images": torch.where(flipped, images.flip(3), images),
            "labels": self.labels[chosen],
            "latents": torch.randn(count, self.how.latent_size, device=device),
            **{f"{name}_chances": torch.rand(count, uniform, device=device) for name in ("real", "fake", "drawn")},
            **{f"features_{name}_chances": torch.rand(count, features, device=device) for name in ("real", "drawn")},
        }

    def call(self, steps: int) -> list[dict[str, float]]:
        facts = [self.step(self.batch()) for _ in range(steps)]
        values = torch.stack([torch.stack(list(each.values())) for each in facts]).tolist()
        return [dict(zip(facts[0], row, strict=True)) for row in values]

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        with self.autocast():
            drawn = self.painter(batch["latents"], batch["labels"])
        real = batch["images"].float() / 127.5 - 1
        facts = self.discriminator_step(batch, real, drawn.detach()) | self.generator_step(batch, real, drawn)
        self.update_average()
        self.steps += 1
        return {name: fact.detach() for name, fact in facts.items()}

    def discriminator_step(self, batch: dict[str, Tensor], real: Tensor, drawn: Tensor) -> dict[str, Tensor]:
        how, breed = self.how, batch["labels"]
        real = augment(real, batch["real_chances"], how.augment)
        drawn = augment(drawn, batch["fake_chances"], how.augment)
        logits, classes = self.judge(torch.cat([real, drawn]).contiguous(memory_format=LAST), breed.repeat(2))
        of_real, of_fake = logits.chunk(2)
        loss = cross_entropy(of_real, torch.ones_like(of_real)) + cross_entropy(of_fake, torch.zeros_like(of_fake))
        due = how.r1_weight and self.steps % how.penalty_interval == 0
        penalty = self.penalty(real, breed) if due else torch.zeros((), device=self.device)
        total = loss + penalty
        if classes is not None:
            total = total + how.classifier_weight * functional.cross_entropy(classes[: len(breed)], breed)
        return {
            "discriminator_gradient_norm": update(total, self.discriminator_optimizer, self.discriminator),
            "discriminator_loss": loss,
            "gradient_penalty": penalty,
            "real_logit": of_real.mean(),
            "fake_logit": of_fake.mean(),
            "logit_gap": (of_real - of_fake).abs().mean(),
            "real_accuracy": (of_real > 0).float().mean(),
            "fake_accuracy": (of_fake < 0).float().mean(),
        }

    def penalty(self, real: Tensor, breed: Tensor) -> Tensor:
        real = real.contiguous(memory_format=LAST).requires_grad_()
        logits, _ = self.judge(real, breed, self.discriminator)
        (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
        return 0.5 * self.how.r1_weight * self.how.penalty_interval * slope.square().sum((1, 2, 3)).mean()

    def generator_step(self, batch: dict[str, Tensor], real: Tensor, drawn: Tensor) -> dict[str, Tensor]:
        how, breed = self.how, batch["labels"]
        self.discriminator.requires_grad_(False)
        augmented = augment(drawn, batch["drawn_chances"], how.augment).contiguous(memory_format=LAST)
        logits, classes = self.judge(augmented, breed)
        loss = functional.softplus(-logits).mean()
        facts, total = {"generator_loss": loss}, loss
        if classes is not None:
            total = total + how.generator_classifier_weight * functional.cross_entropy(classes, breed)
        if how.features_weight:
            more, features_loss = self.features_step(batch, real, drawn)
            facts, total = facts | more, total + how.features_weight * features_loss
        facts["generator_gradient_norm"] = update(total, self.generator_optimizer, self.generator)
        self.discriminator.requires_grad_(True)
        if how.features_weight:
            self.heads.requires_grad_(True)
        return facts

    def features_step(self, batch: dict[str, Tensor], real: Tensor, drawn: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Update the heads; return facts and the generator's loss, and leave the heads without gradients."""
        breed, kinds = batch["labels"], self.features_augment
        with torch.no_grad():
            real_maps = self.frozen(augment(real, batch["features_real_chances"], kinds))
        drawn_maps = self.frozen(augment(drawn, batch["features_drawn_chances"], kinds))
        of_real = self.feature_logits(real_maps, breed)
        of_drawn = self.feature_logits([x.detach() for x in drawn_maps], breed)
        loss = torch_features.discriminator_loss(of_real, of_drawn)
        update(loss, self.heads_optimizer)
        self.heads.requires_grad_(False)
        features_loss = -torch_features.mean(self.feature_logits(drawn_maps, breed))
        facts = {
            "features_loss": loss,
            "features_real_logit": torch_features.mean(of_real),
            "features_fake_logit": torch_features.mean(of_drawn),
            "features_generator_loss": features_loss,
        }
        return facts, features_loss

    def update_average(self) -> None:
        half_life = min(self.how.ema_half_life, 0.1 * (self.steps + 1) * self.how.batch_size)
        torch._foreach_lerp_(self.average, self.weights, 1 - 0.5 ** (self.how.batch_size / half_life))


def widths(size: int, channels: int) -> list[int]:
    """Return the widths from the whole size down to 4 px."""
    levels = (size // 4).bit_length() - 1
    return [(channels + 1) // 2, *(channels * min(2**level, 8) for level in range(levels))]


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return (functional.softplus(logits) - targets * logits).mean()


def update(loss: Tensor, optimizer: torch.optim.Optimizer, network: nn.Module | None = None) -> Tensor | None:
    """Take one step of Adam down the loss's gradient; return the norm of the network's gradient, if one is given."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return network and nn.utils.get_total_norm([weight.grad for weight in network.parameters()])


def prepare(
    settings: dict, pictures: np.ndarray, breeds: np.ndarray, known: np.ndarray | None, bfloat16: bool, gpu: bool
) -> tuple[Trainer, list[int]]:
    """Return the trainer, and how many weights generator, discriminator and heads train."""
    device = "cuda" if gpu and torch.cuda.is_available() else "cpu"
    images, labels = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device), torch.from_numpy(breeds).to(device)
    how = Namespace(**settings)
    how.discriminator_channels = how.discriminator_channels or how.channels
    table = None if known is None else torch.from_numpy(known)
    trainer = Trainer(how, images, labels.long(), int(breeds.max()) + 1, table, bfloat16)
    return trainer, [sum(weight.numel() for weight in network.parameters()) for network in trainer.trained]


def memory() -> float | None:
    """Return the most memory used on the GPU so far, in megabytes; None where there is none."""
    return torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else None
