"""One thread draws for all requests: waiting ones are drawn together, and a full queue turns requests away."""

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pedigree.generator.mixing import draw_shares
from pedigree.generator.model import Latents
from pedigree.studio.counters import Counters
from pedigree.studio.models import Model

AT_ONCE = 64  # pictures of a batch
SIZES = (1, 8, AT_ONCE)  # the sizes of batches; each is compiled once
MOST_WAITING = 1024  # pictures, with those that are being drawn

Images = npt.NDArray[np.uint8]
Shares = npt.NDArray[np.float32]


class BusyError(Exception):
    """Too many pictures wait already.

    Attributes:
        seconds: when to try again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, eq=False)
class _Order:
    model: Model
    latents: Latents
    shares: Shares
    images: "Future[Images]" = field(default_factory=Future)


class Painter:
    """Draws pictures in the order of the requests. `close` ends its thread."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._waiting, self._ready = deque[_Order](), threading.Condition()
        self._pictures, self._closed = 0, False
        self._thread = threading.Thread(target=self._work, name="painter", daemon=True)
        self._thread.start()

    async def draw(self, model: Model, latents: Latents, shares: Shares) -> Images:
        """Draw the pictures of latents `(n, latent_size)` with shares of breeds `(n, breeds)`: `(n, size, size, 3)`.

        All of them take their places at once, so that a walk is not refused in the middle. If the call is cancelled,
        the places are free again.

        Raises:
            BusyError: too many pictures wait already.
            PedigreeError: the generator cannot draw them.
        """
        if self._pictures + len(latents) > MOST_WAITING:
            raise BusyError(1 + self._pictures // 200)
        self._count(left := len(latents))
        parts = [slice(start, start + AT_ONCE) for start in range(0, len(latents), AT_ONCE)]
        drawn = []
        try:
            for part in parts:
                drawn.append(images := await self._part(model, latents[part], shares[part]))
                self._count(-len(images))
                left -= len(images)
        finally:
            self._count(-left)
        return np.concatenate(drawn)

    def close(self) -> None:
        """Cancel what waits, and end the thread."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._thread.join()

    async def _part(self, model: Model, latents: Latents, shares: Shares) -> Images:
        order = _Order(model, latents, shares)
        with self._ready:
            self._waiting.append(order)
            self._ready.notify()
        return await asyncio.wrap_future(order.images)

    def _work(self) -> None:
        while orders := self._next():
            try:
                images = _drawn(orders)
            except Exception as error:  # the request answers it
                for order in orders:
                    order.images.set_exception(error)
                continue
            self._counters.drawn(len(images))
            start = 0
            for order in orders:
                order.images.set_result(images[start : start + len(order.latents)])
                start += len(order.latents)

    def _next(self) -> list[_Order]:
        """Wait for orders, and take as many as fit into a batch and have the same model; none if it is closed."""
        with self._ready:
            taken, pictures = list[_Order](), 0
            while not taken:
                self._ready.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    for order in self._waiting:
                        order.images.cancel()
                    return []
                while self._waiting and (not taken or self._fits(self._waiting[0], taken[0], pictures)):
                    order = self._waiting.popleft()
                    if order.images.set_running_or_notify_cancel():  # the client may be gone
                        taken.append(order)
                        pictures += len(order.latents)
            return taken

    def _fits(self, order: _Order, first: _Order, pictures: int) -> bool:
        return order.model is first.model and pictures + len(order.latents) <= AT_ONCE

    def _count(self, change: int) -> None:
        """Count pictures that wait or are drawn. Only the thread of the event loop counts."""
        self._pictures += change
        self._counters.waiting.set(self._pictures)


def _drawn(orders: list[_Order]) -> Images:
    model = orders[0].model
    latents, shares = (np.concatenate([getattr(order, name) for order in orders]) for name in ("latents", "shares"))
    count = len(latents)
    more = next(size for size in SIZES if size >= count) - count
    latents, shares = (np.concatenate([rows, np.repeat(rows[-1:], more, axis=0)]) for rows in (latents, shares))
    return draw_shares(model.generator, latents, shares, model.mixer)[:count]
