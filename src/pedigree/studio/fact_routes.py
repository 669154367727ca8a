"""The API of the studio: generators, breeds, scores and training photos."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from pedigree.drawing.dogs import seeded
from pedigree.errors import PedigreeError, UsageError
from pedigree.pages.wording import breed_name
from pedigree.studio import model_scores, pictures
from pedigree.studio.dependencies import Choice, ModelName, OneDog, only_known_parameters, workshop_of
from pedigree.studio.models import CURRENT, REVISION
from pedigree.studio.workshop import Workshop

Revision = Annotated[str | None, Query(max_length=200, description="A git revision, whose generator is added.")]
Index = Annotated[int, Query(ge=0, lt=10_000_000, description="Of the crop among all training crops.")]

router = APIRouter(dependencies=[Depends(only_known_parameters)])


@router.get("/api/models")
async def models(request: Request, rev: Revision = None) -> dict[str, Any]:
    """List the generators."""
    workshop = workshop_of(request)
    if rev is not None:
        await run_in_threadpool(workshop.models.get, f"{REVISION}{rev}")
    return {"models": [await run_in_threadpool(_facts, workshop, name) for name in workshop.models.names()]}


@router.get("/api/breeds")
async def breeds(chosen: Choice) -> dict[str, Any]:
    """List the breeds of a generator, and a dog of each."""
    listed = [
        {"folder": folder, "name": breed_name(folder), "dog": str(seeded(folder, 0))}
        for folder in chosen.model.generator.breeds
    ]
    return {"model": chosen.model.hash, "breeds": listed}


@router.get("/api/nearest")
async def nearest(chosen: Choice, dog: OneDog) -> dict[str, Any]:
    """Find the training photo that is nearest to a dog. The first dog of a breed takes longer."""
    (drawn,), photos = chosen.dogs([dog]), chosen.workshop.photos
    if why := await run_in_threadpool(photos.problem, chosen.model):
        return {"available": False, "why": f"Training photos are not shown: {why}."}
    (image,) = await chosen.draw([drawn])
    found = await run_in_threadpool(photos.find, chosen.model, drawn, image)
    return {
        "available": True,
        "distance": found.distance,
        "typical": found.typical,
        "bound": found.bound,
        "suspicious": found.is_suspicious,
        "breed": found.breed,
        "meaning": found.meaning,
        "image": f"/api/crop.png?index={found.index}&model={quote(chosen.name, safe='')}&hash={chosen.model.hash}",
    }


@router.get("/api/crop.png", response_class=Response)
async def crop(chosen: Choice, index: Index) -> Response:
    """Return a training crop, unless photos are hidden."""
    photos = chosen.workshop.photos
    if why := await run_in_threadpool(photos.problem, chosen.model):
        raise UsageError(f"training photos are not shown: {why}.")
    image = await run_in_threadpool(photos.crop, chosen.model, index)
    if image is None:
        raise UsageError(f"there is no training crop {index}.")
    return Response(pictures.plain_png(image), media_type="image/png", headers={"Cache-Control": "no-cache"})


@router.get("/api/compare")
async def compare(request: Request, other: ModelName, one: ModelName = CURRENT) -> dict[str, Any]:
    """Compare the scores of two generators. The verdicts are those of `other` against `one`."""
    models = workshop_of(request).models
    for name in (one, other):
        await run_in_threadpool(models.get, name)
    return await run_in_threadpool(model_scores.compared, models, one, other)


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
