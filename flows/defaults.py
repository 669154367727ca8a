"""Defaults of this project for the environment variables of Prefect and DVC.

Import this module before either of them: Prefect reads its variables once. A variable that is set keeps its value;
this machine is added to the hosts that are reached without a proxy.
"""

import os
import sys

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # Prefect's 20 are too few on a busy machine
    # In memory, Prefect's default, they are lost if the server restarts, and the runs that hold them are then ended.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_CLIENT_MAX_RETRIES": "8",  # after 2, 4, 8 … seconds: the server may be away for minutes
}

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")  # a proxy cannot reach Prefect's server here

for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)

_lists = {name: os.environ.get(name, "") for name in ("NO_PROXY", "no_proxy")}  # a program reads one of them
for _name, _hosts in _lists.items():
    _known = (_hosts or max(_lists.values())).split(",")
    os.environ[_name] = ",".join(dict.fromkeys(filter(None, [*_known, *THIS_MACHINE])))

try:
    import server_access
except ModuleNotFoundError as error:
    if error.name != "prefect":
        raise
    sys.exit("prefect is not installed: pip install 'pedigree[flows]'")
server_access.protect()
