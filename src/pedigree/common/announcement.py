"""A line on stderr about work that takes longer than a moment. The base installation has no progress bars."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer


@contextmanager
def announced(text: str, seconds: float = 1.0) -> Iterator[None]:
    """Print the line `text` on stderr if the block takes longer than `seconds`.

    The line is written to the stderr of now, because stderr is hidden while Keras is imported.
    """
    stderr = os.dup(2)

    def announce() -> None:
        with suppress(OSError):
            os.write(stderr, f"{text}\n".encode("ascii", "backslashreplace"))

    timer = Timer(seconds, announce)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be writing
        os.close(stderr)
