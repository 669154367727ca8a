"""The invented breeds: the build of each, and the markings of its coat."""

from dataclasses import dataclass
from typing import Literal

Color = tuple[float, float, float]
Ear = Literal["prick", "drop", "long", "rose"]
Tail = Literal["curled", "straight", "bushy", "stub"]
Marking = Literal[
    "belly",
    "chest",
    "socks",
    "saddle",
    "mask",
    "muzzle",
    "blaze",
    "ears",
    "spots",
    "brindle",
    "brows",
]

_BLACK = (0.13, 0.12, 0.13)
_WHITE = (0.95, 0.93, 0.90)
_TAN = (0.78, 0.50, 0.24)


@dataclass(frozen=True)
class Build:
    """The build of a breed, in torso units.

    `muzzle` (the length of the muzzle), `snout` (its radius) and `ear_size` are in radii of the skull.
    """

    length: float = 0.78
    chest: float = 0.30
    hip: float = 0.25
    leg: float = 0.72
    bone: float = 0.085
    neck: float = 0.34
    throat: float = 0.19
    head: float = 0.27
    muzzle: float = 0.85
    snout: float = 0.50
    ear: Ear = "drop"
    ear_size: float = 1.0
    tail: Tail = "straight"
    tail_length: float = 0.6
    fur: float = 0.15


@dataclass(frozen=True)
class Coat:
    """A ground colour, and the markings that are painted over it in order. Colours are sRGB in [0, 1]."""

    ground: Color
    markings: tuple[tuple[Marking, Color], ...] = ()
    nose: Color = (0.10, 0.09, 0.09)
    iris: Color = (0.22, 0.13, 0.07)


@dataclass(frozen=True)
class Breed:
    """An invented breed and the number of its photos in the sample."""

    wnid: str
    name: str
    photos: int
    build: Build
    coat: Coat

    @property
    def folder(self) -> str:
        """Return the breed's folder, such as `n99000002-Snow_spitz`."""
        return f"{self.wnid}-{self.name}"


BREEDS = (
    Breed(
        "n99000001",
        "Ember_pointer",
        112,
        Build(chest=0.28, hip=0.21, leg=0.84, bone=0.075, neck=0.40, throat=0.16, head=0.255, muzzle=1.05, fur=0.05),
        Coat((0.68, 0.27, 0.10), (("chest", (0.80, 0.42, 0.20)),), nose=(0.36, 0.17, 0.12), iris=(0.48, 0.28, 0.08)),
    ),
    Breed(
        "n99000002",
        "Snow_spitz",
        124,
        Build(
            length=0.62,
            chest=0.36,
            hip=0.32,
            leg=0.62,
            throat=0.25,
            neck=0.28,
            head=0.30,
            muzzle=0.62,
            snout=0.40,
            ear="prick",
            ear_size=0.75,
            tail="curled",
            tail_length=0.75,
            fur=0.75,
        ),
        Coat((0.96, 0.95, 0.93), (("muzzle", (0.98, 0.96, 0.93)),)),
    ),
    Breed(
        "n99000003",
        "Inkspot_hound",
        104,
        Build(
            leg=0.82, hip=0.22, bone=0.078, neck=0.40, throat=0.165, head=0.26, muzzle=0.95, ear="drop", ear_size=0.9
        ),
        Coat(_WHITE, (("spots", _BLACK), ("ears", _BLACK))),
    ),
    Breed(
        "n99000004",
        "Saddle_shepherd",
        118,
        Build(
            length=0.84,
            leg=0.76,
            throat=0.22,
            head=0.27,
            muzzle=1.0,
            snout=0.46,
            ear="prick",
            ear_size=0.85,
            tail="bushy",
            tail_length=0.75,
            fur=0.35,
        ),
        Coat(_TAN, (("saddle", _BLACK), ("mask", (0.16, 0.13, 0.12)), ("belly", (0.86, 0.68, 0.44)))),
    ),
    Breed(
        "n99000005",
        "Toffee_shortleg",
        96,
        Build(
            length=0.92,
            chest=0.31,
            hip=0.28,
            leg=0.46,
            bone=0.09,
            throat=0.24,
            head=0.30,
            muzzle=0.80,
            snout=0.42,
            ear="prick",
            ear_size=1.05,
            tail="stub",
            tail_length=0.2,
            fur=0.35,
        ),
        Coat(
            (0.88, 0.56, 0.22),
            (("belly", _WHITE), ("chest", _WHITE), ("socks", _WHITE), ("blaze", _WHITE), ("muzzle", _WHITE)),
        ),
    ),
    Breed(
        "n99000006",
        "Fog_shagcoat",
        108,
        Build(
            length=0.70,
            chest=0.38,
            hip=0.36,
            leg=0.68,
            bone=0.13,
            throat=0.30,
            neck=0.26,
            head=0.33,
            muzzle=0.62,
            snout=0.58,
            ear="drop",
            ear_size=0.95,
            tail="bushy",
            tail_length=0.4,
            fur=1.3,
        ),
        Coat(
            (0.52, 0.56, 0.62),
            (("chest", _WHITE), ("socks", _WHITE), ("muzzle", _WHITE), ("blaze", _WHITE), ("ears", (0.40, 0.43, 0.49))),
        ),
    ),
    Breed(
        "n99000007",
        "Midnight_longear",
        100,
        Build(
            length=0.70,
            chest=0.29,
            hip=0.21,
            leg=0.84,
            bone=0.07,
            neck=0.40,
            throat=0.16,
            head=0.255,
            muzzle=1.0,
            snout=0.44,
            ear="long",
            ear_size=0.95,
            tail="straight",
            tail_length=0.5,
            fur=0.05,
        ),
        Coat(_BLACK, (("chest", _TAN), ("socks", _TAN), ("muzzle", _TAN), ("brows", _TAN))),
    ),
    Breed(
        "n99000008",
        "Brindle_bulldog",
        90,
        Build(
            length=0.66,
            chest=0.40,
            hip=0.29,
            leg=0.60,
            bone=0.115,
            neck=0.22,
            throat=0.27,
            head=0.36,
            muzzle=0.28,
            snout=0.66,
            ear="rose",
            ear_size=0.9,
            tail="stub",
            tail_length=0.15,
            fur=0.05,
        ),
        Coat(
            (0.56, 0.38, 0.23),
            (
                ("brindle", (0.27, 0.18, 0.13)),
                ("chest", _WHITE),
                ("socks", _WHITE),
                ("muzzle", _WHITE),
                ("blaze", _WHITE),
            ),
        ),
    ),
)
