"""The error that commands print as one line."""


class InputError(ValueError):
    """Input that a user can mend; the message names the file, field or value and what to do."""
