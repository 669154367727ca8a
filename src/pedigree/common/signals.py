"""The signals that stop training."""

import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT)
