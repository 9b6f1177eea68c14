"""How fast a training goes."""

import time


class Speed:
    """Images a second since the last time somebody asked.

    Args:
        step: that it begins at.
        batch_size: images of a step.
    """

    def __init__(self, step: int, batch_size: int):
        self.batch_size = batch_size
        self.restart(step)

    def restart(self, step: int):
        """Count from this step and moment on."""
        self.step, self.started = step, time.perf_counter()

    def since(self, step: int) -> float:
        """Images a second up to this step, from which it then counts."""
        before, started = self.step, self.started
        self.restart(step)
        return (step - before) * self.batch_size / max(self.started - started, 1e-9)
