"""What a person can cause and mend: shown as one line on stderr, never as a traceback."""


class PedigreeError(Exception):
    """Something wrong with the data or the run. Says what was received, where, and what to do; exit code 1."""

    exit_code = 1


class UsageError(PedigreeError):
    """Something wrong with the command line or with `params.yaml`; exit code 2."""

    exit_code = 2
