"""MATLAB's files of annotations, up to version 7."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from distill.system.errors import InputError


def variables_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a file holds, read from its headers; none of any other file."""
    try:
        return {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    except Exception:  # The reader raises whatever its own code trips over.
        return {}


def variable(path: Path, name: str) -> Any:
    """A variable, structs as objects with attributes, arrays without axes of length 1.

    Raises:
        InputError: the file is missing, truncated, of version 7.3 or another kind, or holds no such variable.
    """
    try:
        values = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False, variable_names=[name])
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check data.root") from None
    except NotImplementedError:
        raise InputError(f"{path} is of MATLAB's version 7.3; save it with -v7") from None
    except Exception as error:  # As above.
        raise InputError(
            f"{path} cannot be read as a MATLAB file ({' '.join(str(error).split()):.100}); it may be truncated, fetch "
            "it again"
        ) from None
    if name not in values:
        raise InputError(f"{path} holds no variable {name}; give the file of this set")
    return values[name]


def items(struct: Any, field: str) -> list:
    """All that stands in a field of a struct: one thing, an array of them, or nothing, also where it has no field."""
    value = getattr(struct, field, None)
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    return [] if value is None else [value]
