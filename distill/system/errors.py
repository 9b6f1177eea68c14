"""The error that commands print as one line."""


class InputError(ValueError):
    """Input that a user can mend; the message names the file, field or value and what to do."""


class Stopped(Exception):
    """SIGTERM or SIGUSR1 asked to stop; the work is saved and the same command goes on with it."""
