"""The queue: it is bounded, and a cancelled request frees its places at once."""

import asyncio
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pedigree.studio.counters import Counters
from pedigree.studio.models import Models
from pedigree.studio.painter import MOST_WAITING, BusyError, Painter
from studio.conftest import save_small


def test_a_cancelled_request_frees_all_of_its_places(tmp_path: Path) -> None:
    model = Models(save_small(tmp_path / "small.keras")).get("current")
    latents = model.generator.latents(MOST_WAITING, seed=1)
    shares = np.eye(3, dtype=np.float32)[np.arange(MOST_WAITING) % 3]

    async def drawn() -> np.ndarray:
        painter = Painter(Counters())
        try:
            large = asyncio.ensure_future(painter.draw(model, latents, shares))
            await asyncio.sleep(0)
            with pytest.raises(BusyError):
                await painter.draw(model, latents[:1], shares[:1])
            large.cancel()
            with suppress(asyncio.CancelledError):
                await large
            return await painter.draw(model, latents, shares)
        finally:
            painter.close()

    labels = shares.argmax(axis=1).astype(np.int32)
    np.testing.assert_array_equal(asyncio.run(drawn()), model.generator.draw_latents(latents, labels))
