"""The sizes from which every pair of networks is built."""

from dataclasses import dataclass

from pedigree.errors import UsageError


@dataclass(frozen=True)
class Shape:
    """The sizes of the networks of a run.

    Attributes:
        image_size: height and width of the images, in pixels.
        colors: 3, or 1 for grey images, which are still `(n, size, size, 3)` with three equal planes.
        latent_size: size of a latent vector.
        breeds: number of breeds.
        channels: the width that all widths of an architecture are multiples of; each module says at which layer.
    """

    image_size: int
    colors: int
    latent_size: int
    breeds: int
    channels: int

    @property
    def doublings(self) -> int:
        """How often the smallest maps (`base` pixels) must double to reach `image_size`."""
        return (self.image_size // self.base).bit_length() - 1

    @property
    def widths(self) -> list[int]:
        """The widths of a DCGAN from half the image size down to the base: doubled at each level, up to 8 times."""
        return [self.channels * min(2**level, 8) for level in range(self.doublings)]

    @property
    def half_width(self) -> int:
        """Half of `channels`, but at least 1: the width at the full image size of a DCGAN that has a layer there."""
        return (self.channels + 1) // 2

    def width(self, side: int) -> int:
        """Return ProGAN's width of maps of `side` pixels: `channels` up to 32 px, then halved with each doubling."""
        return max(self.channels >> max((side - 1).bit_length() - 5, 0), 1)

    @property
    def base(self) -> int:
        """Side of the smallest maps in pixels: 4, or 7 for image sizes that are a multiple of 7.

        Raises:
            UsageError: `image_size` is not 4 or 7 times a power of two.
        """
        for base in (4, 7):
            factor, rest = divmod(self.image_size, base)
            if not rest and factor > 1 and factor & (factor - 1) == 0:
                return base
        raise UsageError(f"crop.size must be 4 or 7 doubled at least once. Received: {self.image_size}")
