"""What the requests of one server share."""

import asyncio
from dataclasses import dataclass, field

from pedigree.studio.counters import Counters
from pedigree.studio.models import Models
from pedigree.studio.nearest_photos import NearestPhotos
from pedigree.studio.painter import Painter

MOST_FILMS = 2  # that are written at the same time


@dataclass(frozen=True, eq=False)
class Workshop:
    """The generators, the thread that draws, the search for training photos, and the counters.

    Attributes:
        revision: the git revision of the code, for the provenance of pictures.
    """

    models: Models
    photos: NearestPhotos
    counters: Counters
    painter: Painter
    revision: str
    filming: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_FILMS))
