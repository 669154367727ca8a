"""Defaults of this project's for Prefect and DVC; to be imported before either, since Prefect reads them once.

What the environment says already stands.
"""

import os
import sys

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # 20 are too few for a busy machine's first start
    "PREFECT_CLIENT_MAX_RETRIES": "8",  # after 2, 4, 8 … seconds: a server may be away for minutes
}

for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)

try:
    import prefect  # noqa: F401
except ModuleNotFoundError:
    sys.exit("prefect is not installed: pip install 'pedigree[flows]'")
