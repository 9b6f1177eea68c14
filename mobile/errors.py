"""The error of this package."""


class ExportError(ValueError):
    """A network cannot be exported, or an exported model cannot be used; the message says why."""
