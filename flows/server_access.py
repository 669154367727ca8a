"""Access to Prefect's API on this machine: a password, and no requests from pages of other web sites.

Whoever writes to the API can run code here, and Prefect lets everybody write: other users, and every page in a browser.
The password is made once and kept in Prefect's folder, in a file that only its owner can read. The flows, `make serve`
and the temporary servers of the flows use it. It is never sent to another machine (`PREFECT_API_URL`).
"""

import contextlib
import ipaddress
import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

FILE = "pedigree-password"  # in Prefect's folder
SERVER_PASSWORD, CLIENT_PASSWORD = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
ORIGINS = "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"


def protect() -> None:
    """Set Prefect's variables for the servers and clients that this process starts. A setting of the user stays."""
    settings = get_current_settings()
    own = settings.server.api.auth_string
    password = own.get_secret_value() if own else _made_password()
    os.environ[SERVER_PASSWORD] = password
    if "cors_allowed_origins" not in settings.server.api.model_fields_set:
        os.environ[ORIGINS] = DEFAULT_ORIGINS
    if not settings.api.auth_string and not settings.api.key and is_here(settings.api.url):
        os.environ[CLIENT_PASSWORD] = password
    refresh_global_settings_context()


def _made_password() -> str:
    """Return the password of the file, which is made if there is none."""
    path = _password_file()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as temporary:  # only the owner can read it
            temporary.write(f"pedigree:{secrets.token_urlsafe(24)}")
            temporary.flush()
            with contextlib.suppress(FileExistsError):  # another process was first
                path.hardlink_to(temporary.name)
    return path.read_text()


def _password_file() -> Path:
    return get_current_settings().home / FILE


def how_to_log_in() -> str:
    """Return a sentence that says where the password is. It does not contain it: what is printed may go to a log."""
    path = _password_file()
    if path.exists() and path.read_text() == os.environ[SERVER_PASSWORD]:
        return f"The password of the UI is the text in {path}."
    return f"The password of the UI is {SERVER_PASSWORD}."


def origins(port: int) -> str:
    """Return the origins of the pages that may use the API: Prefect's UI, by both names of this machine."""
    return f"http://127.0.0.1:{port},http://localhost:{port}"


DEFAULT_ORIGINS = origins(4200)


def is_here(url: str | None) -> bool:
    """Return whether the API at `url` is on this machine; None means a temporary server."""
    host = urlsplit(url).hostname if url else "localhost"
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
