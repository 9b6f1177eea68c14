"""Models on this host, each in a process of its own, all in turns."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobile.errors import ExportError

QUANTILES = (50, 90, 99)


@dataclass(frozen=True)
class Timing:
    """What one model took on so many threads; times in milliseconds, memory in bytes."""

    path: Path
    threads: int
    load: float
    "Reading the file until the tensors are allocated."
    first: float
    "The first run."
    runs: tuple[float, ...]
    "Every run after the first, oldest first."
    memory: int
    "Largest resident memory of the process, above what it held before the model was read."
    pieces: int
    "Parts of the graph that were delegated."
    whole: bool
    "Whether no operator is left outside the only piece."
    ratio: float
    "Time of the first model on as many threads over this one's, median over the turns."

    @property
    def mean(self) -> float:
        """Mean time of a run."""
        return statistics.fmean(self.runs)

    def percentile(self, q: float) -> float:
        """Time that `q` percent of the runs stay under."""
        return float(np.percentile(self.runs, q))

    def values(self) -> dict:
        """All figures, ready for JSON."""
        return {
            "model": str(self.path),
            "threads": self.threads,
            "load_ms": self.load,
            "first_ms": self.first,
            **{f"p{q}_ms": self.percentile(q) for q in QUANTILES},
            "mean_ms": self.mean,
            "runs": len(self.runs),
            "peak_memory_bytes": self.memory,
            "delegated_pieces": self.pieces,
            "whole_graph_delegated": self.whole,
            "times_as_fast_as_first_model": self.ratio,
        }


class Runner:
    """A process that holds one model; to be closed.

    Raises:
        ExportError: the file is no model, or the process ended.
    """

    def __init__(self, path: Path, threads: int):
        self.path, self.threads = path, threads
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mobile.bench_worker", str(path), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self.start = self._answer()
        except ExportError:
            self.close()
            raise

    def run(self, count: int) -> list[float]:
        """Milliseconds of each of so many runs, one after the other."""
        return self._ask(count)["milliseconds"]

    def memory(self) -> int:
        """See `Timing.memory`; so far."""
        return self._ask(0)["memory"]

    def close(self):
        """End the process."""
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()

    def _ask(self, question: int) -> dict:
        # To a process that has ended nothing can be written; that it ended is said when its answer is missing.
        with suppress(BrokenPipeError):
            print(question, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise ExportError(f"the process that ran {self.path} ended with code {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ExportError(answer["error"])
        return answer


def measure(
    paths: Sequence[Path],
    threads: Sequence[int],
    runs: int,
    turns: int = 10,
    between: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Timing]:
    """Time models on pixels of noise, in turns, so that whatever slows the machine slows all of them.

    Args:
        paths: models, any .tflite; the first is what the others are compared with.
        threads: numbers of threads; each model runs with each.
        runs: runs of each model with each number of threads.
        turns: how many times each gets its turn.
        between: called once a turn, for other work that is to be timed beside.
        progress: called with turns done and all turns.

    Returns:
        For each model one for each number of threads, in the order of the arguments.

    Raises:
        ExportError: a file is no model, or a process was ended.
    """
    turns = min(turns, runs)
    shares = [len(part) for part in np.array_split(np.arange(runs), turns)]
    with ExitStack() as stack:
        runners = []
        for path in paths:
            for count in threads:
                runner = Runner(path, count)
                stack.callback(runner.close)
                runners.append(runner)
        blocks = [[] for _ in runners]
        for turn, share in enumerate(shares):
            for block, runner in zip(blocks, runners, strict=True):
                block.append(runner.run(share))
            between()
            progress(turn + 1, turns)
        return [
            Timing(
                path=runner.path,
                threads=runner.threads,
                runs=tuple(time for part in block for time in part),
                memory=runner.memory(),
                ratio=_ratio(blocks[i % len(threads)], block),
                **runner.start,
            )
            for i, (runner, block) in enumerate(zip(runners, blocks, strict=True))
        ]


def _ratio(first: list[list[float]], other: list[list[float]]) -> float:
    pairs = zip(first, other, strict=True)
    return statistics.median(statistics.median(a) / statistics.median(b) for a, b in pairs)
