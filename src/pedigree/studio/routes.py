"""The API of the studio: pictures and films."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from pedigree.common.breeds import find_breed
from pedigree.common.grids import square_side
from pedigree.common.plurals import plural
from pedigree.drawing.dog_pictures import in_rows, portrait_name
from pedigree.drawing.dogs import seeded
from pedigree.drawing.request import LARGEST_SEED, MOST_DOGS
from pedigree.errors import UsageError
from pedigree.pages.wording import breed_name
from pedigree.studio import pictures
from pedigree.studio.clients import while_connected
from pedigree.studio.dependencies import Choice, Dogs, Images, OneDog, Scale, only_known_parameters
from pedigree.studio.journeys import journey
from pedigree.studio.models import Model
from pedigree.studio.workshop import Workshop

MOST_FRAMES = 240
MOST_PIXELS = 60 * 2**20  # of all enlarged pictures of an answer: 240 frames of 512 × 512 px

Breed = Annotated[str, Query(max_length=300, description="A breed, by its folder or its name.")]
FirstSeed = Annotated[int, Query(ge=0, le=LARGEST_SEED - MOST_DOGS, description="The seed of the first dog.")]
Count = Annotated[int, Query(ge=1, le=MOST_DOGS, description="How many dogs; each has the next seed.")]
Truncation = Annotated[
    float | None, Query(gt=0, le=1000, description="As in `pedigree generate`; no limit without it.")
]
Ends = Annotated[list[str], Query(min_length=2, max_length=16, description="Dogs; repeat the parameter.")]
Frames = Annotated[int, Query(ge=2, le=MOST_FRAMES, description="How many pictures.")]
SheetFormat = Annotated[
    Literal["json", "png", "zip"], Query(description="A list of dogs, one sheet, or a PNG for each dog.")
]
FilmFormat = Annotated[
    Literal["strip", "gif", "mp4"], Query(description="One PNG with all frames in rows of 8, or a film.")
]
Download = Annotated[bool, Query(description="Whether browsers save the file.")]

router = APIRouter(dependencies=[Depends(only_known_parameters)])


@router.get("/api/dog.png", response_class=Response)
async def dog_png(chosen: Choice, dog: OneDog, scale: Scale = 1, download: Download = False) -> Response:
    """Draw a dog. Its PNG says how to draw it again, for `pedigree generate --from`."""
    _check_pixels(chosen.model, 1, scale)
    (drawn,) = chosen.dogs([dog])
    (image,) = await chosen.draw([drawn])
    revision = chosen.workshop.revision
    content = await run_in_threadpool(pictures.dog_png, chosen.model, revision, drawn, image, scale)
    return chosen.file(content, "image/png", portrait_name(drawn) if download else None)


@router.get("/api/dogs", response_class=Response)
async def dogs(
    chosen: Choice,
    breed: Breed,
    seed: FirstSeed = 0,
    count: Count = 16,
    truncation: Truncation = None,
    format: SheetFormat = "json",  # noqa: A002
) -> Response:
    """Draw dogs of a breed with the seeds from `seed` on: as a list for /api/dog.png, as one sheet, or as a zip.

    Each PNG says how to draw it again, for `pedigree generate --from`.
    """
    folder = find_breed(breed, chosen.model.generator.breeds, listing="/api/breeds lists")
    # The text of a dog has six digits of the truncation, so the pictures are drawn from the text.
    many = chosen.dogs([str(seeded(folder, seed + n, truncation)) for n in range(count)])
    if format == "json":
        listed = [{"dog": str(dog), "seed": str(dog.latent)} for dog in many]
        return JSONResponse({"model": chosen.model.hash, "dogs": listed})
    images, revision = await chosen.draw(many), chosen.workshop.revision
    if format == "zip":
        content = await run_in_threadpool(pictures.archive, chosen.model, revision, many, images)
        return chosen.file(content, "application/zip", f"{breed_name(folder)}-{seed}.zip")
    sheet = await run_in_threadpool(pictures.group_png, chosen.model, revision, many, images, square_side(count))
    return chosen.file(sheet, "image/png")


@router.get("/api/strip.png", response_class=Response)
async def strip(chosen: Choice, dog: Dogs) -> Response:
    """Draw dogs side by side at their true size. This is the fastest way to get many."""
    images = await chosen.draw(chosen.dogs(dog))
    return chosen.file(pictures.plain_png(in_rows(images, len(images))), "image/png")


@router.get("/api/walk", response_class=Response)
async def walk(
    chosen: Choice,
    dog: Ends,
    frames: Frames = 48,
    format: FilmFormat = "strip",  # noqa: A002
    scale: Scale = 1,
) -> Response:
    """Draw a walk from dog to dog and back to the first. `X-Frames` has the number of frames of a strip."""
    ends, model = chosen.dogs(dog), chosen.model
    if frames < len(ends):
        raise UsageError(f"frames must be at least the number of dogs, {len(ends)}. Received: {frames}")
    _check_pixels(model, frames, scale)
    if len({end.breeds for end in ends}) > 1:
        chosen.check_mixes()
    latents, shares = await run_in_threadpool(journey, model, ends, frames)
    images = await while_connected(chosen.request, chosen.workshop.painter.draw(model, latents, shares))
    if format == "strip":
        sheet = await run_in_threadpool(pictures.plain_png, in_rows(images, pictures.ROW))
        answer = chosen.file(sheet, "image/png")
        answer.headers["X-Frames"] = str(frames)
        return answer
    content = await while_connected(chosen.request, _film(chosen.workshop, images, format, scale))
    return chosen.file(content, "image/gif" if format == "gif" else "video/mp4", f"walk.{format}")


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
