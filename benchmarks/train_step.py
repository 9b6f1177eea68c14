"""Milliseconds of one training step by part, images a second of whole steps, and what grouped operations save.

    python benchmarks/train_step.py --networks attention_xs higher_hrnet_demo --size 128 --batch_size 16

Made-up scenes are learnt from by the trainer's own parts: first each part by itself, the device waited for after each,
then whole steps as `distill-train` does them, of which `wait` is the share in which the loader is waited for. The ratio
is that of the optimiser and moving average of before, timm's Muon and an average that move one tensor after another, to
those of now, in the same run. With `--compile` follow the seconds that `torch.compile` takes for forward and backward,
and the ratio of the milliseconds without it to those with it, in turns.
"""

import argparse
import copy
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from precision import processor
from profiling import print_profile
from timm.optim import Muon, param_groups_weight_decay
from timm.utils import ModelEmaV3

from distill.data.loader import StepSampler, make_loader
from distill.data.normalise import normalise
from distill.synthetic import SceneConfig, synthesize
from distill.system.choice import Choice
from distill.training.config import LogConfig, TrainConfig, TrainDataConfig
from distill.training.objective import LossConfig, total
from distill.training.trainer import Trainer

WARM_UP = 4
PARTS = ("load", "prepare", "forward", "losses", "backward", "clip", "optimiser", "average")
RATE = 1e-4


class Clock:
    """Milliseconds of each part, by name."""

    def __init__(self, device: torch.device):
        self.device, self.taken = device, defaultdict(list)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Context whose time counts for a part."""
        started = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        self.taken[name].append(1000 * (time.perf_counter() - started))

    def median(self, name: str) -> float:
        """Of a part, without the first steps."""
        return median(self.taken[name][WARM_UP:])


def parts(trainer: Trainer, steps: int) -> Clock:
    """One part of a step after the other, on batches that this process loads."""
    learner, state, network = trainer.learner, trainer.state, trainer.network
    clock = Clock(trainer.accelerator.device)
    before = _as_before(state.network)
    for group in (*state.optimizer.param_groups, *before[0].param_groups):
        group["lr"] = RATE
    sampler = StepSampler(trainer.data.mixture(0), trainer.config.batch_size, 0, steps + WARM_UP)
    batches = make_loader(trainer.data.samples(trainer.config), sampler, 0)
    for _ in range(steps + WARM_UP):
        with clock.part("load"):
            batch = next(batches)
        with clock.part("prepare"):
            batch = batch.to(clock.device)
            counts = {name: count.clamp(min=1) for name, count in learner.objective.counts([batch]).items()}
            images = normalise(batch.images).contiguous(memory_format=torch.channels_last)
        with clock.part("forward"):
            outputs = network(images)
        with clock.part("losses"):
            loss = total(learner.objective.losses(outputs, batch, counts))
        with clock.part("backward"):
            trainer.accelerator.backward(loss)
        with clock.part("clip"):
            trainer.accelerator.clip_grad_norm_(network.parameters(), trainer.config.clip_norm)
        _one_by_one(clock, *before, state.network)
        with clock.part("optimiser"):
            state.optimizer.step()
        state.optimizer.zero_grad()
        with clock.part("average"):
            state.ema.update(state.network, 0)
    return clock


def whole(trainer: Trainer) -> tuple[float, float]:
    """Images a second of whole steps, and the share of their time in which the loader is waited for."""
    ends, waits = [], []
    real = trainer._batches

    def timed(data) -> Iterator:
        batches = real(data)
        while True:
            started = time.perf_counter()
            batch = next(batches)
            waits.append(time.perf_counter() - started)
            yield batch

    trainer._batches = timed
    trainer.run(lambda step, steps: ends.append(time.perf_counter()))
    seconds = ends[-1] - ends[WARM_UP - 1]
    return (len(ends) - WARM_UP) * trainer.config.batch_size / seconds, sum(waits[WARM_UP:]) / seconds


def compiled(trainer: Trainer, steps: int) -> tuple[float, float]:
    """Seconds of the first forward and backward through `torch.compile`, and the ratio of later ones, in turns."""
    network, size = trainer.network, trainer.config.input_size[0]
    images = torch.randn(trainer.config.batch_size, 3, size, size, device=trainer.accelerator.device)
    images = images.contiguous(memory_format=torch.channels_last)

    def milliseconds(forward: torch.nn.Module) -> float:
        started = time.perf_counter()
        sum(maps.square().mean() for maps in forward(images).values()).backward()
        if images.is_cuda:
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - started)

    faster = torch.compile(network)
    seconds = milliseconds(faster) / 1000
    pairs = [(milliseconds(network), milliseconds(faster)) for _ in range(steps + WARM_UP)][WARM_UP:]
    return seconds, median(plain / quick for plain, quick in pairs)


def _as_before(network: torch.nn.Module) -> tuple[Muon, ModelEmaV3, torch.nn.Module]:
    """Optimiser and moving average that go from tensor to tensor, of a copy of a network."""
    other = copy.deepcopy(network)
    groups = param_groups_weight_decay(other, 0.01)
    optimizer = Muon(groups, momentum=0.95, nesterov=True, ns_steps=3, ns_coefficients="original")
    return optimizer, ModelEmaV3(other, decay=0.998, foreach=False), other


def _one_by_one(clock: Clock, optimizer: Muon, ema: ModelEmaV3, other: torch.nn.Module, network: torch.nn.Module):
    for mine, theirs in zip(other.parameters(), network.parameters(), strict=True):
        mine.grad = theirs.grad.clone()
    with clock.part("before"):
        optimizer.step()
        ema.update(other, 0)


def main():
    """Print one line for each network and precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["attention_xs", "attention_s", "attention_m"], help="names")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], help="float32, bfloat16")
    parser.add_argument("--size", type=int, default=256, help="side of the input, pixels")
    parser.add_argument("--batch_size", type=int, default=16, help="samples of a step")
    parser.add_argument("--workers", type=int, default=1, help="loader processes of whole steps")
    parser.add_argument("--threads", type=int, help="threads of torch; all cores by default")
    parser.add_argument("--profile", type=int, default=0, help="operators of whole steps to print, the costliest")
    parser.add_argument("--compile", action="store_true", help="measure torch.compile too, which takes a minute or two")
    parser.add_argument("--steps", type=int, default=12, help="steps that are measured, after some that are not")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    print(f"{where}; {torch.get_num_threads()} threads, batches of {arguments.batch_size} at {arguments.size} pixels")
    print(f"{'network':20s}{'precision':>10s}" + "".join(f"{name:>10s}" for name in PARTS) + "   ratio  images/s  wait")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        synthesize(root, "train2017", 4 * arguments.batch_size, 1, SceneConfig(size=256))
        for name in arguments.networks:
            for precision in arguments.precisions:
                config = TrainConfig(
                    data=TrainDataConfig(root=root, val_split="train2017", workers=arguments.workers),
                    out=Path(folder) / f"{name}_{precision}",
                    model=Choice(name),
                    input_size=arguments.size,
                    steps=arguments.steps + WARM_UP,
                    batch_size=arguments.batch_size,
                    precision=precision,
                    optimizer=Choice("muon", {"momentum": 0.95, "weight_decay": 0.01}),
                    loss=LossConfig(alpha=0.0),
                    log=LogConfig(minival_images=1, images_every=0, histograms_every=0, minival_every=0),
                )
                clock = parts(Trainer(config), arguments.steps)
                images, wait = whole(Trainer(config))
                ratio = clock.median("before") / (clock.median("optimiser") + clock.median("average"))
                columns = "".join(f"{clock.median(part):10.1f}" for part in PARTS)
                print(f"{name:20s}{precision:>10s}{columns}{ratio:8.2f}{images:10.1f}{wait:6.0%}", flush=True)
                if arguments.compile:
                    seconds, gain = compiled(Trainer(replace(config, out=config.out / "compile")), arguments.steps)
                    print(f"{'':20s}{'compiled':>10s}  after {seconds:.0f} s, ratio {gain:.2f}", flush=True)
                if arguments.profile:
                    # The folder holds a run by now.
                    trainer = Trainer(replace(config, out=config.out / "profile"))
                    print_profile(lambda trainer=trainer: whole(trainer), arguments.profile)


if __name__ == "__main__":
    main()
