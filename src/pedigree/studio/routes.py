"""The API of the studio."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from pedigree.common.breeds import find_breed
from pedigree.common.plurals import plural
from pedigree.drawing.dog_pictures import in_rows, portrait_name
from pedigree.drawing.dogs import LARGEST_SEED, LONGEST, Dog, Latent, latents_of, parse, shares_of
from pedigree.drawing.request import MOST_DOGS, MOST_SCALE
from pedigree.errors import PedigreeError, UsageError
from pedigree.pages.wording import breed_name
from pedigree.studio import model_scores, pictures
from pedigree.studio.clients import while_connected
from pedigree.studio.journeys import journey
from pedigree.studio.models import CURRENT, REVISION, Model
from pedigree.studio.workshop import Workshop

MOST_FRAMES = 240
MOST_PIXELS = 60 * 2**20  # of all enlarged pictures of an answer: 240 frames of 512 × 512 px

Images = npt.NDArray[np.uint8]

ModelName = Annotated[str, Query(max_length=200, description="The id of a generator, from /api/models.")]
Hash = Annotated[
    str | None,
    Query(pattern="^[0-9a-f]{16}$", description="The hash that the generator must have. With another one: status 409."),
]
OneDog = Annotated[str, Query(max_length=LONGEST, description="A dog, as BREED~SEED: see docs/studio.md.")]
Dogs = Annotated[list[str], Query(min_length=1, max_length=MOST_DOGS, description="Dogs; repeat the parameter.")]
Scale = Annotated[int, Query(ge=1, le=MOST_SCALE, description="How often each pixel is repeated in both directions.")]


async def _only_known_parameters(request: Request) -> None:
    """Refuse misspelled parameters, which would otherwise be ignored."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    if dependant is None:
        return
    known = [parameter.alias for parameter in dependant.query_params]
    if unknown := sorted(set(request.query_params) - set(known)):
        names = f"the parameters here are {', '.join(known)}" if known else "there are no parameters here"
        raise UsageError(f"there is no parameter {unknown[0][:80]!r}: {names}.")


router = APIRouter(dependencies=[Depends(_only_known_parameters)])


class ChangedError(Exception):
    """The generator has another hash than the request names.

    Attributes:
        model: the generator.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model.hash)
        self.model = model


@router.get("/api/models")
async def models(request: Request, rev: Annotated[str | None, Query(max_length=200)] = None) -> dict[str, Any]:
    """List the generators. `rev` adds the one of a git revision."""
    workshop = _workshop(request)
    if rev is not None:
        await run_in_threadpool(workshop.models.get, f"{REVISION}{rev}")
    return {"models": [await run_in_threadpool(_facts, workshop, name) for name in workshop.models.names()]}


@router.get("/api/breeds")
async def breeds(request: Request, model: ModelName = CURRENT, hash: Hash = None) -> dict[str, Any]:  # noqa: A002
    """List the breeds of a generator, and a dog of each."""
    loaded = await _loaded(request, model, hash)
    listed = [
        {"folder": folder, "name": breed_name(folder), "dog": str(_seeded(folder, 0))}
        for folder in loaded.generator.breeds
    ]
    return {"model": loaded.hash, "breeds": listed}


@router.get("/api/dog.png", response_class=Response)
async def dog_png(
    request: Request,
    dog: OneDog,
    scale: Scale = 1,
    download: bool = False,
    model: ModelName = CURRENT,
    hash: Hash = None,  # noqa: A002
) -> Response:
    """Draw a dog. Its PNG says how to draw it again, for `pedigree generate --from`."""
    loaded = await _loaded(request, model, hash)
    _check_pixels(loaded, 1, scale)
    drawn = parse(dog, loaded.generator.breeds)
    image = (await _draw(request, loaded, [drawn]))[0]
    content = await run_in_threadpool(pictures.dog_png, loaded, _workshop(request).revision, drawn, image, scale)
    return _file(content, "image/png", hash, portrait_name(drawn) if download else None)


@router.get("/api/dogs", response_class=Response)
async def dogs(
    request: Request,
    breed: Annotated[str, Query(max_length=300)],
    seed: Annotated[int, Query(ge=0, le=LARGEST_SEED - MOST_DOGS)] = 0,
    count: Annotated[int, Query(ge=1, le=MOST_DOGS)] = 16,
    truncation: Annotated[float | None, Query(gt=0, le=1000)] = None,
    format: Literal["json", "png", "zip"] = "json",  # noqa: A002
    model: ModelName = CURRENT,
    hash: Hash = None,  # noqa: A002
) -> Response:
    """Draw dogs of a breed with the seeds from `seed` on: as a list for /api/dog.png, as one sheet, or as a zip.

    Each PNG says how to draw it again, for `pedigree generate --from`.
    """
    loaded = await _loaded(request, model, hash)
    folder = find_breed(breed, loaded.generator.breeds, listing="/api/breeds lists")
    # The text of a dog has six digits of the truncation, so the pictures are drawn from the text.
    many = [parse(str(_seeded(folder, seed + n, truncation)), loaded.generator.breeds) for n in range(count)]
    if format == "json":
        listed = [{"dog": str(dog), "seed": str(dog.latent)} for dog in many]
        return JSONResponse({"model": loaded.hash, "dogs": listed})
    images = await _draw(request, loaded, many)
    if format == "zip":
        content = await run_in_threadpool(pictures.archive, loaded, _workshop(request).revision, many, images)
        return _file(content, "application/zip", hash, f"{breed_name(folder)}-{seed}.zip")
    across = int(np.ceil(np.sqrt(count)))
    sheet = await run_in_threadpool(pictures.group_png, loaded, _workshop(request).revision, many, images, across)
    return _file(sheet, "image/png", hash)


@router.get("/api/strip.png", response_class=Response)
async def strip(request: Request, dog: Dogs, model: ModelName = CURRENT, hash: Hash = None) -> Response:  # noqa: A002
    """Draw dogs side by side at their true size. This is the fastest way to get many."""
    loaded = await _loaded(request, model, hash)
    images = await _draw(request, loaded, [parse(text, loaded.generator.breeds) for text in dog])
    return _file(pictures.plain_png(in_rows(images, len(images))), "image/png", hash)


@router.get("/api/walk", response_class=Response)
async def walk(
    request: Request,
    dog: Annotated[list[str], Query(min_length=2, max_length=16)],
    frames: Annotated[int, Query(ge=2, le=MOST_FRAMES)] = 48,
    format: Literal["strip", "gif", "mp4"] = "strip",  # noqa: A002
    scale: Scale = 1,
    model: ModelName = CURRENT,
    hash: Hash = None,  # noqa: A002
) -> Response:
    """Draw a walk from dog to dog and back to the first, as one PNG of all frames in rows of 8, or as a film."""
    loaded = await _loaded(request, model, hash)
    ends = [parse(text, loaded.generator.breeds) for text in dog]
    if frames < len(ends):
        raise UsageError(f"frames must be at least the number of dogs, {len(ends)}. Received: {frames}")
    _check_pixels(loaded, frames, scale)
    if len({end.breeds for end in ends}) > 1:
        _check_mixes(loaded)
    latents, shares = await run_in_threadpool(journey, loaded, ends, frames)
    images = await while_connected(request, _workshop(request).painter.draw(loaded, latents, shares))
    if format == "strip":
        sheet = await run_in_threadpool(pictures.plain_png, in_rows(images, pictures.ROW))
        answer = _file(sheet, "image/png", hash)
        answer.headers["X-Frames"] = str(frames)
        return answer
    content = await while_connected(request, _film(_workshop(request), images, format, scale))
    return _file(content, "image/gif" if format == "gif" else "video/mp4", hash, f"walk.{format}")


@router.get("/api/nearest")
async def nearest(request: Request, dog: OneDog, model: ModelName = CURRENT, hash: Hash = None) -> dict[str, Any]:  # noqa: A002
    """Find the training photo that is nearest to a dog. The first dog of a breed takes longer."""
    loaded, workshop = await _loaded(request, model, hash), _workshop(request)
    drawn = parse(dog, loaded.generator.breeds)
    if why := await run_in_threadpool(workshop.photos.problem, loaded):
        return {"available": False, "why": f"Training photos are not shown: {why}."}
    image = (await _draw(request, loaded, [drawn]))[0]
    found = await run_in_threadpool(workshop.photos.find, loaded, drawn, image)
    return {
        "available": True,
        "distance": found.distance,
        "typical": found.typical,
        "bound": found.bound,
        "suspicious": found.is_suspicious,
        "breed": found.breed,
        "meaning": found.meaning,
        "image": f"/api/crop.png?index={found.index}&model={quote(model, safe='')}&hash={loaded.hash}",
    }


@router.get("/api/crop.png", response_class=Response)
async def crop(
    request: Request,
    index: Annotated[int, Query(ge=0, lt=10_000_000)],
    model: ModelName = CURRENT,
    hash: Hash = None,  # noqa: A002
) -> Response:
    """Return a training crop, unless photos are hidden."""
    loaded, workshop = await _loaded(request, model, hash), _workshop(request)
    if why := await run_in_threadpool(workshop.photos.problem, loaded):
        raise UsageError(f"training photos are not shown: {why}.")
    image = await run_in_threadpool(workshop.photos.crop, loaded, index)
    if image is None:
        raise UsageError(f"there is no training crop {index}.")
    return _file(pictures.plain_png(image), "image/png", None)


@router.get("/api/compare")
async def compare(
    request: Request,
    other: ModelName,
    one: ModelName = CURRENT,
    hash: Hash = None,  # noqa: A002
) -> dict[str, Any]:
    """Compare the scores of two generators. The verdicts are those of `other` against `one`."""
    workshop = _workshop(request)
    for name in (one, other):
        await _loaded(request, name, None)
    return await run_in_threadpool(model_scores.compared, workshop.models, one, other)


def _workshop(request: Request) -> Workshop:
    workshop = request.app.state.workshop
    assert isinstance(workshop, Workshop)  # noqa: S101
    return workshop


async def _loaded(request: Request, name: str, digest: str | None) -> Model:
    """Return a generator, and check that it is the one that the request names."""
    model = await run_in_threadpool(_workshop(request).models.get, name)
    if digest is not None and digest != model.hash:
        raise ChangedError(model)
    return model


async def _draw(request: Request, model: Model, many: Sequence[Dog]) -> Images:
    if any(len(dog.breeds) > 1 for dog in many):
        _check_mixes(model)
    latents = await run_in_threadpool(latents_of, model.generator, many)
    shares = shares_of(model.generator, many)
    return await while_connected(request, _workshop(request).painter.draw(model, latents, shares))


async def _film(workshop: Workshop, images: Images, kind: str, scale: int) -> bytes:
    async with workshop.filming:
        return await run_in_threadpool(pictures.film, images, kind, scale)


def _check_pixels(model: Model, frames: int, scale: int) -> None:
    """Refuse enlarged pictures that would take too much memory."""
    side = model.generator.image_size * scale
    if scale > 1 and frames * side**2 > MOST_PIXELS:
        raise UsageError(
            f"{plural(frames, 'picture')} of {side} × {side} px are more than {MOST_PIXELS // 2**20} million pixels: "
            "lower scale or frames."
        )


def _check_mixes(model: Model) -> None:
    if model.mixer is None:
        raise UsageError("this generator's architecture has no table of breeds, so it cannot mix them.")


def _seeded(folder: str, seed: int, truncation: float | None = None) -> Dog:
    return Dog(((folder, 1.0),), Latent("seed", (seed,)), truncation)


def _facts(workshop: Workshop, name: str) -> dict[str, Any]:
    """Return what the page needs to know of a generator, or why it cannot be loaded."""
    try:
        model = workshop.models.get(name)
    except PedigreeError as error:
        return {"id": name, "title": name, "error": str(error)}
    low, high = model.truncations
    return {
        "id": name,
        "title": model.title,
        "hash": model.hash,
        "revision": model.revision,
        "licence": model.licence,
        "breeds": len(model.generator.breeds),
        "size": model.generator.image_size,
        "architecture_mixes": model.mixer is not None,
        "truncation": {"low": low, "high": high, "why": model.truncation_text},
        "nearest": not workshop.photos.problem(model),
    }


def _file(content: bytes, kind: str, digest: str | None, name: str | None = None) -> Response:
    """Return an answer. A request that names the generator's hash always has the same one, so browsers may keep it."""
    headers = {"Cache-Control": "private, max-age=31536000, immutable" if digest else "no-cache"}
    if name is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, media_type=kind, headers=headers)
