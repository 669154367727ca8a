"""The signals that ask training to stop."""

import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT)
