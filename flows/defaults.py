"""Defaults of this project for the environment variables of Prefect and DVC.

Import this module before either of them: Prefect reads its variables once. A variable that is set keeps its value.
"""

import os
import sys

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # Prefect's 20 are too few on a busy machine
    "PREFECT_CLIENT_MAX_RETRIES": "8",  # after 2, 4, 8 … seconds: the server may be away for minutes
}

for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)

try:
    import server_access
except ModuleNotFoundError as error:
    if error.name != "prefect":
        raise
    sys.exit("prefect is not installed: pip install 'pedigree[flows]'")
server_access.protect()
