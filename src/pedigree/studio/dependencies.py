"""What the routes depend on: the generator of a request, its checked parameters, and the dogs drawn for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from fastapi import Depends, Query, Request, Response
from fastapi.dependencies.models import Dependant
from starlette.concurrency import run_in_threadpool

from pedigree.drawing.dogs import LONGEST, Dog, latents_of, parse, shares_of
from pedigree.drawing.request import MOST_DOGS, MOST_SCALE
from pedigree.errors import UsageError
from pedigree.studio.clients import while_connected
from pedigree.studio.models import CURRENT, Model
from pedigree.studio.workshop import Workshop

Images = npt.NDArray[np.uint8]

ModelName = Annotated[str, Query(max_length=200, description="The id of a generator, from /api/models.")]
Hash = Annotated[
    str | None,
    Query(pattern="^[0-9a-f]{16}$", description="The hash that the generator must have. With another one: status 409."),
]
OneDog = Annotated[str, Query(max_length=LONGEST, description="A dog, as BREED~SEED.")]
Dogs = Annotated[list[str], Query(min_length=1, max_length=MOST_DOGS, description="Dogs; repeat the parameter.")]
Scale = Annotated[int, Query(ge=1, le=MOST_SCALE, description="How often each pixel is repeated in both directions.")]


class ChangedError(Exception):
    """The generator has another hash than the request names.

    Attributes:
        model: the generator.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model.hash)
        self.model = model


@dataclass(frozen=True, eq=False)
class Chosen:
    """The generator of a request.

    Attributes:
        request: the request.
        name: the generator's id.
        model: the generator.
        pinned: whether the request names its hash, so that the answer is always the same and browsers may keep it.
    """

    request: Request
    name: str
    model: Model
    pinned: bool

    @property
    def workshop(self) -> Workshop:
        """What the requests of this server share."""
        return workshop_of(self.request)

    def dogs(self, texts: Sequence[str]) -> list[Dog]:
        """Read dogs of this generator; raise UsageError if one is wrong."""
        return [parse(text, self.model.generator.breeds) for text in texts]

    async def draw(self, dogs: Sequence[Dog]) -> Images:
        """Draw dogs: `(n, size, size, 3)`."""
        if any(len(dog.breeds) > 1 for dog in dogs):
            self.check_mixes()
        latents = await run_in_threadpool(latents_of, self.model.generator, dogs)
        shares = shares_of(self.model.generator, dogs)
        return await while_connected(self.request, self.workshop.painter.draw(self.model, latents, shares))

    def check_mixes(self) -> None:
        """Raise UsageError if the generator cannot mix breeds."""
        if self.model.mixer is None:
            raise UsageError("this generator's architecture has no table of breeds, so it cannot mix them.")

    def file(self, content: bytes, kind: str, name: str | None = None) -> Response:
        """Return an answer of a media type; with a name, browsers save it."""
        headers = {"Cache-Control": "private, max-age=31536000, immutable" if self.pinned else "no-cache"}
        if name is not None:
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return Response(content, media_type=kind, headers=headers)


async def _choose(request: Request, model: ModelName = CURRENT, hash: Hash = None) -> Chosen:  # noqa: A002
    loaded = await run_in_threadpool(workshop_of(request).models.get, model)
    if hash is not None and hash != loaded.hash:
        raise ChangedError(loaded)
    return Chosen(request, model, loaded, hash is not None)


Choice = Annotated[Chosen, Depends(_choose)]


def workshop_of(request: Request) -> Workshop:
    """Return what the requests of the server share."""
    workshop: Workshop = request.app.state.workshop
    return workshop


async def only_known_parameters(request: Request) -> None:
    """Refuse misspelled parameters, which would otherwise be ignored.

    Raises:
        UsageError: the route has no such parameter.
    """
    known = _parameters(request.scope["route"].dependant)
    if unknown := sorted(set(request.query_params) - set(known)):
        names = f"the parameters here are {', '.join(known)}" if known else "there are no parameters here"
        raise UsageError(f"there is no parameter {unknown[0][:80]!r}: {names}.")


def _parameters(dependant: Dependant) -> list[str]:
    inner = [name for part in dependant.dependencies for name in _parameters(part)]
    return [*(parameter.alias for parameter in dependant.query_params), *inner]
