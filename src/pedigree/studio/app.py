"""The web application: the page, the API, and one clear JSON error for everything that is wrong."""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from pedigree import __version__
from pedigree.common.printable import printable
from pedigree.errors import PedigreeError, UsageError
from pedigree.pages.templates import environment
from pedigree.results.revisions import description
from pedigree.studio import fact_routes, routes
from pedigree.studio.clients import GoneError
from pedigree.studio.counters import Counters
from pedigree.studio.dependencies import ChangedError
from pedigree.studio.models import CURRENT, Models
from pedigree.studio.nearest_photos import NearestPhotos
from pedigree.studio.painter import BusyError, Painter
from pedigree.studio.workshop import Workshop

FOLDER = Path(__file__).parent
STYLE = FOLDER.parent / "pages/templates/style.css"
LONGEST_ADDRESS = 32_000  # bytes of path and query; 64 dogs in a strip have about 5,000
LARGEST_HEADERS = 64_000  # bytes
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_PORT = re.compile(r":[0-9]*$")

Next = Callable[[Request], Awaitable[Response]]


def create_app(models: Models, hidden: str = "", hosts: tuple[str, ...] = LOCAL_NAMES) -> FastAPI:
    """Return the application.

    Args:
        models: the generators.
        hidden: why training photos are not shown; empty if they are.
        hosts: the names under which browsers may call the server, so that no other site can; empty allows all.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        counters = Counters()
        app.state.workshop = Workshop(models, NearestPhotos(hidden), counters, Painter(counters), description())
        yield
        app.state.workshop.painter.close()

    app = FastAPI(
        title="Pedigree studio",
        version=__version__,
        description="Draws dogs of a given breed.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(fact_routes.router)
    app.include_router(routes.router)
    _add_pages(app)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    _add_errors(app)

    @app.middleware("http")
    async def watch(request: Request, call_next: Next) -> Response:
        start, host = time.perf_counter(), request.headers.get("host", "")
        if hosts and _PORT.sub("", host).lower() not in hosts:
            answer: Response = _error(400, f"the server does not answer to the name {host[:80]!r}.")
        elif _is_of_another_site(request):
            answer = _error(403, "pages of other sites cannot use this server.")
        elif len(str(request.url)) > LONGEST_ADDRESS:
            answer = _error(414, f"the address has more than {LONGEST_ADDRESS} characters.")
        elif sum(len(name) + len(value) for name, value in request.headers.raw) > LARGEST_HEADERS:
            answer = _error(431, f"the headers have more than {LARGEST_HEADERS} bytes.")
        else:
            answer = await call_next(request)
        for name, value in HEADERS.items():
            answer.headers[name] = value
        path = getattr(request.scope.get("route"), "path", "other")
        counters = app.state.workshop.counters
        counters.requests.labels(path, answer.status_code).inc()
        counters.seconds.labels(path).observe(time.perf_counter() - start)
        return answer

    return app


def _add_pages(app: FastAPI) -> None:
    templates = environment("pedigree.studio")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> str:
        return templates.get_template("studio.html").render(title="Pedigree studio", version=__version__)

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> str:
        return templates.get_template("docs.html").render(title="API of Pedigree studio", version=__version__)

    @app.get("/static/style.css", include_in_schema=False)
    async def style() -> Response:
        return Response(STYLE.read_bytes(), media_type="text/css")

    @app.get("/healthz")
    async def health(request: Request) -> dict[str, str]:
        """Answer whether the server can draw."""
        model = await run_in_threadpool(request.app.state.workshop.models.get, CURRENT)
        return {"status": "ok", "model": model.hash}

    @app.get("/metrics", response_class=Response)
    async def metrics(request: Request) -> Response:
        """Return the counters, in the format of Prometheus."""
        return Response(request.app.state.workshop.counters.text(), media_type="text/plain; version=0.0.4")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:])
        received = "" if first["type"] == "missing" else f" Received: {str(first.get('input'))[:80]!r}."
        return _error(400, f"{name}: {first['msg']}.{received}")

    @app.exception_handler(PedigreeError)
    async def failed(_: Request, error: PedigreeError) -> Response:
        return _error(400 if isinstance(error, UsageError) else 503, str(error))

    @app.exception_handler(ChangedError)
    async def changed(_: Request, error: ChangedError) -> Response:
        model = error.model
        return _error(409, f"the generator is another one now: {model.title}, {model.hash}.", model=model.hash)

    @app.exception_handler(BusyError)
    async def busy(_: Request, error: BusyError) -> Response:
        answer = _error(429, f"too many dogs wait to be drawn: try again in {error.seconds} s.")
        answer.headers["Retry-After"] = str(error.seconds)
        return answer

    @app.exception_handler(GoneError)
    async def gone(_: Request, error: GoneError) -> Response:
        return _error(499, "the client has closed the connection.")  # only the counters see it

    @app.exception_handler(Exception)
    async def unknown(_: Request, error: Exception) -> Response:
        return _error(500, "the server has failed: its log says why.")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        reasons = {404: "there is nothing at this address", 405: f"{request.method} is not possible here: use GET"}
        return _error(error.status_code, f"{reasons.get(error.status_code, error.detail)}. /docs lists the addresses.")


def _is_of_another_site(request: Request) -> bool:
    """Whether a page of another site makes the request, as browsers say. A link to this server is no such request."""
    site, mode = (request.headers.get(f"sec-fetch-{name}", "") for name in ("site", "mode"))
    return site in ("cross-site", "same-site") and mode != "navigate"


def _error(status: int, message: str, **more: str) -> Response:
    return JSONResponse({"error": printable(message), **more}, status)
