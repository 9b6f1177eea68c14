"""Training, from the first step to the last."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch

from distill.data.loader import StepSampler, make_loader
from distill.data.normalise import normalise
from distill.heads.batch import Batch
from distill.heads.registry import plain_heads
from distill.networks.checkpoint import CheckpointInfo, read_checkpoint, save_checkpoint
from distill.networks.eight_bits import rounded_weights
from distill.networks.registry import plain
from distill.system.devices import choose_precision, leave_cores_for
from distill.system.errors import InputError
from distill.system.imports import imported
from distill.system.json_values import to_json_values
from distill.system.processes import Agreement, from_main_process, make_accelerator
from distill.system.signals import StopRequest
from distill.training.compiling import Compiled, compiled
from distill.training.config import TrainConfig
from distill.training.learning_data import LearningData, open_learning_data
from distill.training.logbook import ACTIVATION_SAMPLES, CYCLE_END, LOG, Logbook
from distill.training.minival import Minival
from distill.training.resume import LAST, PREVIOUS, check_same_run, start_of
from distill.training.sample_sheet import draw_samples
from distill.training.setup import make_learner
from distill.training.speed import Speed
from distill.training.step import StepResult, gradients

Progress = Callable[[int, int], None]
"Called with what is done and what is to be done."
_OF_THE_STATE = ("best_ap", "measured_step")
"Among the metrics of a checkpoint, what is none of the last minival."


class Trainer:
    """One training run in one folder, by one process or several.

    Each process learns from its part of every batch and gradients are averaged. Batch normalisation takes its
    statistics from a process's own part; its running averages are those of the main process, which alone keeps the
    moving average, measures, logs and writes.

    Args:
        is_last: whether the processes part after it, and no other training follows.

    Raises:
        InputError: configuration, data or soft labels do not fit one another.
    """

    def __init__(self, config: TrainConfig, is_last: bool = True):
        self.config, self.is_last = config, is_last
        precision = choose_precision(config.precision)
        self.accelerator = make_accelerator(precision, config.accumulate)
        parts = config.accumulate * self.accelerator.num_processes
        if config.batch_size % parts:
            raise InputError(f"batch_size {config.batch_size} must be a multiple of accumulate x processes = {parts}")
        self.agreement = Agreement(self.accelerator.num_processes)
        self.metrics: dict[str, float] = {}
        self.norm = torch.zeros(())
        with self.agreement.all_or_none():
            self.data = open_learning_data(config)
            self.minival = Minival(config, self.data.skeleton, self.accelerator, self.data)
            self.learner = make_learner(config, self.data, self.accelerator, precision)
            self._resume()
        self.state = self.learner.state
        if not self.agreement.is_common(self.state.step):
            raise InputError(f"the processes would start at different steps; {config.out} must be one folder to all")
        if self.accelerator.is_main_process:
            for note in (*self.data.notes, *self.learner.notes, self.minival.note):
                if note:
                    print(note)
        self.network = self.accelerator.prepare(self.state.network)
        self.compiled = self._compiled() if config.compile else None
        self.speed = Speed(self.state.step, config.batch_size)

    def run(
        self, on_step: Progress = lambda step, steps: None, on_label: Progress = lambda done, total: None
    ) -> dict[str, float]:
        """Train to the last step and return the last minival's figures.

        Args:
            on_step: called with the number of steps done and to do.
            on_label: called with the number of soft labels read and to be read before the first step.

        Raises:
            InputError: the loss or a weight is no longer finite.
            KeyboardInterrupt: SIGINT asked to stop; the state is saved.
            Stopped: SIGTERM or SIGUSR1 did; the state is saved.
        """
        config, state, log = self.config, self.state, self.config.log
        batches = self._batches(self._readable(on_label))
        logbook = self._open_logbook()
        if logbook and self.compiled:
            logbook.scalars(
                state.step, {"compiled/ratio": self.compiled.ratio, "compiled/seconds": self.compiled.seconds}
            )
        self.speed.restart(state.step)
        with StopRequest() as stop, leave_cores_for(config.data.workers):
            if self._is_measuring_due() and state.measured < state.step:
                # The run was stopped while it measured.
                self._measure(logbook, stop)
                if stop.received:
                    self._leave()
                    stop.end()
            while state.step < config.steps:
                result = self._step(batches, logbook)
                step = state.step
                if _due(step, log.scalars_every, config.steps):
                    self._log_losses(result, logbook)
                if _due(step, log.images_every) and logbook:
                    sheet = draw_samples(result.batch, result.outputs, self.learner.heads, self.learner.skeleton)
                    logbook.images(step, {"samples": sheet})
                if self._is_measuring_due():
                    with self._state_kept():
                        self._measure(logbook, stop)
                if state.schedule.ends_cycle(step - 1):
                    self._save(f"restart_{step:07d}.safetensors")
                    if logbook:
                        logbook.scalars(step, {CYCLE_END: state.schedule.rate(step - 1)})
                stopping = stop.agree(self.agreement.largest)
                if stopping or _due(step, log.checkpoint_every, config.steps):
                    self._save_resumable()
                if stopping:
                    self._leave()
                    stop.end()
                on_step(step, config.steps)
        if logbook:
            logbook.hparams(to_json_values(config), self.metrics)
            logbook.close()
        self.accelerator.wait_for_everyone()
        if self.is_last:
            self._leave()
        return self.metrics

    def _compiled(self) -> Compiled:
        """The network, compiled from here on; every process compiles its own."""
        config = self.config
        batch_size = config.batch_size // (config.accumulate * self.accelerator.num_processes)
        width, height = config.input_size
        result = compiled(self.network, (batch_size, 3, height, width), self.accelerator.device)
        self.network = result.network
        if self.accelerator.is_main_process:
            print(f"compiled in {result.seconds:.0f} s; a pass is {result.ratio:.2f} times as fast")
        return result

    def _step(self, batches: Iterator[Batch], logbook: Logbook | None) -> StepResult:
        """One optimiser step."""
        config, state = self.config, self.state
        for group in state.optimizer.param_groups:
            group["lr"] = state.schedule.rate(state.step)
        done = state.step / config.steps
        with rounded_weights(self.network) if config.eight_bits else nullcontext():
            result = gradients(self.network, self.learner.objective, batches, self.accelerator, done)
        self.norm = self.accelerator.clip_grad_norm_(self.network.parameters(), config.clip_norm or math.inf)
        if logbook and _due(state.step + 1, config.log.histograms_every):
            logbook.histograms(state.step + 1, state.network)
            logbook.activations(state.step + 1, state.network, normalise(result.batch.images[:ACTIVATION_SAMPLES]))
        state.optimizer.step()
        state.optimizer.zero_grad()
        if self.accelerator.is_main_process:
            state.ema.update(state.network, state.step)
        state.step += 1
        return result

    def _readable(self, on_label: Progress) -> LearningData:
        """What the loader reads; all soft labels are read now if that is asked for."""
        if not self.config.data.preload_labels:
            return self.data
        with StopRequest() as stop:
            with self.agreement.all_or_none():
                held = self.data.preloaded(self.config.data, on_label, lambda: stop.received is not None)
            if stop.agree(self.agreement.largest):
                self._leave()
                stop.end()
        return held

    def _leave(self):
        """End together, when the main process has written all."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()

    def _resume(self):
        path = start_of(self.config)
        if path is not None:
            info, ema, tensors = read_checkpoint(path)
            check_same_run(path, info, self.learner.identity)
            self.learner.state.restore(path, info, ema, tensors)
            self.metrics = {name: value for name, value in info.metrics.items() if name not in _OF_THE_STATE}

    def _batches(self, data: LearningData) -> Iterator[Batch]:
        config = self.config
        sampler = StepSampler(
            data.mixture(config.seed),
            config.batch_size,
            self.state.step,
            config.steps,
            accumulate=config.accumulate,
            process=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )
        return make_loader(data.samples(config), sampler, config.data.workers)

    def _open_logbook(self) -> Logbook | None:
        if not self.accelerator.is_main_process:
            return None
        return Logbook(self.config.out / LOG, to_json_values(self.config), purge_step=self.state.step + 1)

    def _log_losses(self, result: StepResult, logbook: Logbook | None):
        step = self.state.step
        losses = {name: value.item() for name, value in self.accelerator.reduce(result.losses, "mean").items()}
        if not math.isfinite(losses["total"]):
            raise InputError(f"the loss is {losses['total']} at step {step}; lower the schedule's rate or clip_norm")
        scalars = {f"loss/{name}": loss for name, loss in losses.items()}
        scalars |= {
            "gradient_norm": float(self.norm),
            "learning_rate": self.state.schedule.rate(step - 1),
            "images_per_second": self.speed.since(step),
        }
        if logbook:
            logbook.scalars(step, scalars)

    def _is_measuring_due(self) -> bool:
        return bool(self.minival) and _due(self.state.step, self.config.log.minival_every, self.config.steps)

    def _measure(self, logbook: Logbook | None, stop: StopRequest):
        """Minival of the moving average, each process on its part of the photographs; the best so far is kept.

        Who is asked to stop does so, and the resumed run measures in its place.
        """
        state, heads = self.state, self.learner.heads
        predictions = self.minival.find_together(state.ema.module, heads, self.agreement, stop)
        if predictions is None:
            return
        state.measured = state.step
        if self.accelerator.is_main_process:
            self.metrics = self.minival.figures(predictions)
            logbook.precision_recall(state.step, "minival/persons", self.minival.curve(predictions))
            if self.config.log.images_every:
                logbook.images(state.step, {"minival/worst": self.minival.sheet(predictions)})
            logbook.scalars(state.step, {f"minival/{k}": v for k, v in self.metrics.items() if v is not None})
            if (self.metrics["ap"] or 0.0) > state.best:
                state.best = self.metrics["ap"] or 0.0
                self._save("best.safetensors")
        state.schedule.observe(state.step, from_main_process(self.metrics, self.accelerator))

    @contextmanager
    def _state_kept(self) -> Iterator[None]:
        """Context whose failure does not cost the steps since the last checkpoint."""
        try:
            yield
        except Exception:
            self._save_resumable()
            raise

    def _save_resumable(self):
        """Write the state; the one before is kept beside it."""
        if self.accelerator.is_main_process:
            out, pending = self.config.out, self.config.out / f".{LAST}"
            self._save(pending.name, self.state.tensors())
            if (out / LAST).exists():
                (out / LAST).replace(out / PREVIOUS)
            pending.replace(out / LAST)

    def _save(self, name: str, training: dict[str, torch.Tensor] | None = None):
        if not self.accelerator.is_main_process:
            return
        config, learner, state = self.config, self.learner, self.state
        info = CheckpointInfo(
            model=plain(config.model),
            outputs=plain_heads(learner.heads),
            skeleton=learner.skeleton,
            input_size=config.input_size,
            step=state.step,
            config=to_json_values(config),
            schedule=state.schedule.state(),
            optimizer=state.optimizer_values(),
            identity=learner.identity,
            metrics=self.metrics | dict(zip(_OF_THE_STATE, (state.best, state.measured), strict=True)),
            imports=imported(),
        )
        save_checkpoint(config.out / name, info, state.ema.module.state_dict(), training)


def _due(step: int, every: int, last: int | None = None) -> bool:
    return step == last or (every > 0 and step % every == 0)
