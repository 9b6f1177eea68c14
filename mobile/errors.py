"""The error of this package."""


class ExportError(ValueError):
    """A network cannot be exported, or an exported model cannot be used; the message says why."""


class DeviceError(ExportError):
    """A phone cannot be used, or what it answered cannot; the message says why."""
