"""The error of the soft-label store."""


class StoreError(ValueError):
    """A store that cannot be used as asked; the message names the store, the field and what to do."""
