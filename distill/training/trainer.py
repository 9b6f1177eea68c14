"""Training, from the first step to the last."""

import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate.utils import set_seed
from timm.utils import ModelEmaV3
from torch import nn

from cache.store import SoftLabelStore
from distill.data.keypoint_set import KeypointSet
from distill.data.loader import StepSampler, make_loader
from distill.data.normalise import normalise
from distill.data.samples import TrainingSamples
from distill.data.teacher_peaks import preload_peaks, read_peaks
from distill.heads.batch import Batch
from distill.labelling.teacher_pass import labelled_images
from distill.networks import registry as networks
from distill.networks.checkpoint import CheckpointInfo, load_network, read_checkpoint, save_checkpoint
from distill.pose.skeleton import get_skeleton
from distill.system.devices import choose_precision, leave_cores_for
from distill.system.errors import InputError
from distill.system.json_values import to_json_values
from distill.system.processes import Agreement, make_accelerator
from distill.system.signals import StopRequest
from distill.training.config import TrainConfig
from distill.training.logbook import Logbook
from distill.training.losses import compute_losses, total_loss
from distill.training.minival import Minival
from distill.training.optimizer import make_optimizer
from distill.training.sample_sheet import draw_samples
from distill.training.schedule import ends_cycle, learning_rate
from distill.training.state import TrainingState

FIXED_ON_RESUME = ("model", "skeleton", "input_size", "batch_size", "seed")
"Settings that a resumed run must share with the one it goes on from."


class Trainer:
    """One training run in one folder, by one process or several.

    Each process learns from its part of every batch and gradients are averaged. Batch normalisation takes its
    statistics from a process's own part; its running averages are those of the main process, which alone keeps the
    moving average, measures, logs and writes.

    Raises:
        InputError: configuration, data or soft labels do not fit one another.
    """

    def __init__(self, config: TrainConfig):
        self.config = config
        self.skeleton = get_skeleton(config.skeleton)
        self.accelerator = make_accelerator(choose_precision(config.precision), config.accumulate)
        parts = config.accumulate * self.accelerator.num_processes
        if config.batch_size % parts:
            raise InputError(f"batch_size {config.batch_size} must be a multiple of accumulate x processes = {parts}")
        self.agreement = Agreement(self.accelerator.num_processes)
        with self.agreement.all_or_none():
            self.data = KeypointSet(config.data.root, config.data.train_split, self.skeleton)
            self.image_ids = _select_images(self.data, config)
            self.soft_labels = self.read_peaks = None
            if config.loss.alpha > 0:
                self.soft_labels = SoftLabelStore.open(config.data.soft_labels)
                self.image_ids = self._labelled_images()
                self.read_peaks = partial(read_peaks, self.soft_labels)
            self.minival = Minival(config, self.skeleton, self.accelerator)
            self.state = self._make_state()
        self.forward = self.accelerator.prepare(self.state.network)

    def run(
        self,
        on_step: Callable[[int, int], None] = lambda step, steps: None,
        on_label: Callable[[int, int], None] = lambda done, total: None,
    ) -> dict[str, float]:
        """Train to the last step and return the last minival's figures.

        Args:
            on_step: called with the number of steps done and to do.
            on_label: called with the number of soft labels read and to be read before the first step.

        Raises:
            InputError: the loss is no longer finite.
            KeyboardInterrupt: SIGINT asked to stop; the state is saved.
            Stopped: SIGTERM or SIGUSR1 did; the state is saved.
        """
        config, state = self.config, self.state
        with self.agreement.all_or_none():
            self._resume()
        if not self.agreement.is_common(state.step):
            raise InputError(f"the processes would start at different steps; {config.out} must be one folder to all")
        if config.data.preload_labels and self.soft_labels is not None:
            self._preload(on_label)
        self.logbook = self._open_logbook()
        metrics: dict[str, float] = {}
        batches = iter(self._make_loader())
        self._started, self._counted_from = time.perf_counter(), state.step
        with StopRequest() as stop, leave_cores_for(config.data.workers):
            while state.step < config.steps:
                losses, batch, outputs = self._step(batches)
                step = state.step = state.step + 1
                if _due(step, config.log.scalars_every, config.steps):
                    self._log_losses(losses)
                if _due(step, config.log.images_every) and self.logbook:
                    self.logbook.images(step, {"samples": draw_samples(batch, outputs, config.loss, self.skeleton)})
                if _due(step, config.log.minival_every, config.steps):
                    metrics = self._measure()
                if ends_cycle(step - 1, config.schedule):
                    self._save(f"restart_{step:07d}.safetensors", metrics)
                stopping = stop.agree(self.agreement.largest)
                if stopping or _due(step, config.log.checkpoint_every, config.steps):
                    self._save("last.safetensors", metrics, resumable=True)
                if stopping:
                    self._leave()
                    stop.end()
                on_step(step, config.steps)
        if self.logbook:
            self.logbook.hparams(to_json_values(config), metrics)
            self.logbook.close()
        self._leave()
        return metrics

    def _preload(self, on_label: Callable[[int, int], None]):
        """Read all soft labels, unless asked to stop."""
        with StopRequest() as stop:
            with self.agreement.all_or_none():
                self.read_peaks = preload_peaks(
                    self.soft_labels,
                    self.image_ids,
                    workers=self.config.data.workers,
                    progress=on_label,
                    stop=lambda: stop.received is not None,
                )
            if stop.agree(self.agreement.largest):
                self._leave()
                stop.end()

    def _leave(self):
        """End together, when the main process has written all."""
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()

    def _step(self, batches) -> tuple[dict[str, torch.Tensor], Batch, dict[str, torch.Tensor]]:
        """One optimiser step, over all its micro-batches."""
        config, state = self.config, self.state
        rate = learning_rate(state.step, config.schedule)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        for _ in range(config.accumulate):
            batch = next(batches).to(self.accelerator.device)
            with self.accelerator.accumulate(self.forward):
                outputs = self.forward(normalise(batch.images).contiguous(memory_format=torch.channels_last))
                losses = compute_losses(outputs, batch, config.loss, self._mean_count)
                self.accelerator.backward(total_loss(losses, config.loss))
        if config.optimizer.clip:
            self.accelerator.clip_grad_norm_(self.forward.parameters(), config.optimizer.clip)
        if self.logbook and _due(state.step + 1, config.log.histograms_every):
            self.logbook.histograms(state.step + 1, state.network)
        state.optimizer.step()
        state.optimizer.zero_grad()
        if self.accelerator.is_main_process:
            state.ema.update(state.network, state.step)
        return losses, batch, outputs

    def _mean_count(self, count: torch.Tensor) -> torch.Tensor:
        """Mean of a count over all processes, at least one in all: gradients are averaged, so losses add up."""
        return self.accelerator.reduce(count).clamp(min=1) / self.accelerator.num_processes

    def _labelled_images(self) -> np.ndarray:
        skip = self.config.data.skip_unlabelled
        labelled = labelled_images(self.soft_labels, self.data, self.image_ids, skip_unlabelled=skip)
        skipped = len(self.image_ids) - len(labelled)
        if skipped and self.accelerator.is_main_process:
            print(f"{skipped} of {len(self.image_ids)} photographs have no soft label and are skipped")
        return labelled

    def _make_state(self) -> TrainingState:
        config = self.config
        set_seed(config.seed)
        if config.weights:
            network, info = load_network(config.weights)
            if (info.name, info.skeleton) != (config.model, config.skeleton):
                raise InputError(
                    f"weights {config.weights} are of {info.name} with {info.skeleton}, not of model {config.model} "
                    f"with {config.skeleton}"
                )
        else:
            network = networks.create(config.model, len(self.skeleton), config.pretrained)
        network = network.to(self.accelerator.device, memory_format=torch.channels_last).train()
        if config.freeze_norm:
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        ema = ModelEmaV3(network, decay=config.ema_decay, use_warmup=True)
        return TrainingState(network, ema, make_optimizer(network, config.optimizer))

    def _resume(self):
        config = self.config
        last = config.out / "last.safetensors"
        if config.resume == "false":
            if last.exists():
                raise InputError(f"{config.out} already holds a run; set resume to auto, or choose another out")
            return
        path = last if config.resume == "auto" else Path(config.resume)
        if config.resume == "auto" and not last.exists():
            return
        info, ema, tensors = read_checkpoint(path)
        for name in FIXED_ON_RESUME:
            found, wanted = info.config.get(name), to_json_values(getattr(config, name))
            if found != wanted:
                raise InputError(f"cannot resume {path}: its {name} is {found!r}, the configuration says {wanted!r}")
        self.state.restore(path, info, ema, tensors)

    def _make_loader(self):
        config, state = self.config, self.state
        samples = TrainingSamples(
            self.data,
            config.input_size,
            config.augment,
            config.seed,
            self.read_peaks,
            config.data.keep_in_memory,
        )
        sampler = StepSampler(
            self.image_ids,
            config.batch_size,
            config.seed,
            state.step,
            config.steps,
            accumulate=config.accumulate,
            process=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )
        return make_loader(samples, sampler, config.data.workers)

    def _open_logbook(self) -> Logbook | None:
        if not self.accelerator.is_main_process:
            return None
        return Logbook(self.config.out / "log", to_json_values(self.config), purge_step=self.state.step + 1)

    def _log_losses(self, losses: dict[str, torch.Tensor]):
        config, step = self.config, self.state.step
        losses = self.accelerator.reduce(losses, "mean")
        total = total_loss(losses, config.loss).item()
        if not math.isfinite(total):
            raise InputError(f"the loss is {total} at step {step}; lower schedule.peak or optimizer.clip")
        now = time.perf_counter()
        speed = (step - self._counted_from) * config.batch_size / max(now - self._started, 1e-9)
        self._started, self._counted_from = now, step
        if self.logbook:
            scalars = {f"loss/{name}": loss.item() for name, loss in losses.items()}
            scalars |= {"loss/total": total, "learning_rate": learning_rate(step - 1, config.schedule)}
            self.logbook.scalars(step, scalars | {"images_per_second": speed})

    def _measure(self) -> dict[str, float]:
        """Minival of the moving average; the best so far is kept."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return {}
        metrics = self.minival.measure(self.state.ema.module)
        self.logbook.scalars(self.state.step, {f"minival/{k}": v for k, v in metrics.items() if v is not None})
        if (metrics["ap"] or 0.0) > self.state.best:
            self.state.best = metrics["ap"] or 0.0
            self._save("best.safetensors", metrics)
        return metrics

    def _save(self, name: str, metrics: dict[str, float], resumable: bool = False):
        if not self.accelerator.is_main_process:
            return
        config, state = self.config, self.state
        info = CheckpointInfo(
            name=config.model,
            skeleton=config.skeleton,
            input_size=config.input_size,
            step=state.step,
            config=to_json_values(config),
            metrics=metrics | {"best_ap": state.best},
        )
        training = state.tensors() if resumable else None
        save_checkpoint(config.out / name, info, state.ema.module.state_dict(), training)


def _due(step: int, every: int, last: int | None = None) -> bool:
    return step == last or (every > 0 and step % every == 0)


def _select_images(data: KeypointSet, config: TrainConfig) -> np.ndarray:
    ids = data.image_ids
    if config.data.persons_only:
        ids = np.array([i for i in ids if len(data.keypoints(i))], dtype=np.int64)
    ids = ids[: config.data.images]
    if not len(ids):
        raise InputError(f"{data.annotation_file} has no photograph with a labelled person to learn from")
    return ids
