"""The sizes every pair of networks is built to."""

from dataclasses import dataclass

from pedigree.errors import UsageError


@dataclass(frozen=True)
class Shape:
    """Sizes of one run's networks.

    Attributes:
        image_size: pixels a side.
        colors: 3, or 1 for grey pictures, which still come and go as `(n, size, size, 3)` with three equal planes.
        latent_size: numbers in a latent.
        breeds: how many there are.
        channels: the width that an architecture scales with; each says where it has it.
    """

    image_size: int
    colors: int
    latent_size: int
    breeds: int
    channels: int

    @property
    def doublings(self) -> int:
        """How often the smallest map (`base` pixels) doubles to reach `image_size`."""
        return (self.image_size // self.base).bit_length() - 1

    @property
    def widths(self) -> list[int]:
        """A DCGAN's channels from half the picture's side down to the base: doubled at each halving, up to 8 times."""
        return [self.channels * min(2**level, 8) for level in range(self.doublings)]

    def width(self, side: int) -> int:
        """Return ProGAN's channels of maps of `side` pixels: all up to 32 px, then halved with each doubling."""
        return max(self.channels >> max((side - 1).bit_length() - 5, 0), 1)

    @property
    def base(self) -> int:
        """Pixels a side of the smallest map: 4; 7 where the picture is 28 px.

        Raises:
            UsageError: the picture's side is neither of these times a power of two.
        """
        for base in (4, 7):
            factor, rest = divmod(self.image_size, base)
            if not rest and factor > 1 and factor & (factor - 1) == 0:
                return base
        raise UsageError(f"crop.size must be 4 or 7 doubled at least once. Received: {self.image_size}")
