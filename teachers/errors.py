"""The error of this room."""


class WeightsError(ValueError):
    """Published weights that cannot be read or do not fit the network."""
