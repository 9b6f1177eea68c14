"""The process that `mobile.bench` times a model in: MODEL THREADS; then a number of runs a line, 0 for its memory."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from mobile.errors import ExportError
from mobile.runtime import delegation, interpreter


def main():
    path, threads = Path(sys.argv[1]), int(sys.argv[2])
    try:
        import ai_edge_litert.interpreter  # noqa: F401  its loading is no model's

        before = _memory()
        start = time.perf_counter()
        model = interpreter(path.read_bytes(), threads, path)
        loaded = time.perf_counter()
        _fill(model)
        first = _run(model)
    except OSError as error:
        _say({"error": f"{path} cannot be read: {error.strerror}"})
        return
    except (ExportError, ValueError, RuntimeError) as error:
        _say({"error": f"{path}: {error}" if not isinstance(error, ExportError) else str(error)})
        return
    found = delegation(model)
    _say({"load": 1000 * (loaded - start), "first": first, "pieces": found.pieces, "whole": found.whole})
    for line in sys.stdin:
        count = int(line)
        _say({"milliseconds": [_run(model) for _ in range(count)]} if count else {"memory": _memory() - before})


def _fill(model):
    """Give every input noise; integers over their whole range, others 0 to 255."""
    generator = np.random.default_rng(0)
    for detail in model.get_input_details():
        kind = np.dtype(detail["dtype"])
        low, high = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind in "iu" else (0, 255)
        values = generator.integers(low, high, detail["shape"], endpoint=True)
        model.set_tensor(detail["index"], values.astype(kind))


def _run(model) -> float:
    start = time.perf_counter()
    model.invoke()
    return 1000 * (time.perf_counter() - start)


def _memory() -> int:
    """Largest resident memory so far, bytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    # Unlike ru_maxrss this does not inherit the peak of the process that started us.
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _say(answer: dict):
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
