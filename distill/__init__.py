"""Teacher-student distillation for multi-person 2D human pose."""

__version__ = "0.1.0"


def load_model(model="people_l", **options):
    """A model that finds persons in photographs; see `distill.prediction.model.load_model`."""
    from distill.prediction.model import load_model as load

    return load(model, **options)
