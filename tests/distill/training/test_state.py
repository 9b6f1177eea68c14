"""What changes from step to step goes into a checkpoint and comes back."""

import pytest
import torch
from timm.utils import ModelEmaV3
from torch import nn

from distill.networks.checkpoint import read_checkpoint, save_checkpoint
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.optimizers.registry import OPTIMIZERS
from distill.training.schedules.registry import Schedule
from distill.training.schedules.sgdr import Sgdr
from distill.training.state import TrainingState

NAMES = ["sgd", "adamw", "muon"]


class Counting(Schedule):
    """A schedule that is no function of the step: it halves after every minival."""

    def __init__(self):
        self.heard = 0

    def rate(self, step):
        return 0.1 / 2**self.heard

    def observe(self, step, metrics):
        self.heard += 1

    def state(self):
        return {"heard": self.heard}

    def restore(self, state):
        self.heard = state["heard"]


def state_of(name: str, schedule: Schedule | None = None) -> TrainingState:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 2, 1))
    optimizer = OPTIMIZERS.build(Choice(name), network)
    return TrainingState(network, ModelEmaV3(network, decay=0.9), optimizer, schedule or Sgdr())


def take_step(state: TrainingState, seed: int):
    for group in state.optimizer.param_groups:
        group["lr"] = 0.1
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    state.network(images).square().mean().backward()
    state.optimizer.step()
    state.optimizer.zero_grad()
    state.ema.update(state.network, state.step)
    state.step += 1


@pytest.fixture
def through_a_file(new_info, tmp_path):
    """Function that saves a state and restores another one from the file."""

    def pass_on(state: TrainingState, other: TrainingState, **fields) -> TrainingState:
        path = tmp_path / "last.safetensors"
        info = new_info("attention_xs", COCO_17, step=state.step, schedule=state.schedule.state(), **fields)
        save_checkpoint(path, info, state.ema.module.state_dict(), state.tensors())
        other.restore(path, *read_checkpoint(path))
        return other

    return pass_on


@pytest.mark.parametrize("name", NAMES)
def test_restored_memory_goes_on_as_before(name, through_a_file):
    state = state_of(name)
    take_step(state, 0)
    other = through_a_file(state, state_of(name), metrics={"best_ap": 0.5})
    assert (other.step, other.best) == (1, 0.5)
    for seed in (1, 2):
        take_step(state, seed)
        take_step(other, seed)
    for one, two in ((state.network, other.network), (state.ema.module, other.ema.module)):
        for a, b in zip(one.parameters(), two.parameters(), strict=True):
            assert torch.equal(a, b)


def test_a_schedule_that_remembers_goes_on(through_a_file):
    state = state_of("sgd", Counting())
    state.schedule.observe(1, {})
    state.schedule.observe(2, {})
    other = through_a_file(state, state_of("sgd", Counting()))
    assert other.schedule.rate(0) == 0.025


def test_weights_alone_cannot_be_resumed(new_info, tmp_path):
    state, path = state_of("sgd"), tmp_path / "best.safetensors"
    save_checkpoint(path, new_info("attention_xs"), state.ema.module.state_dict())
    with pytest.raises(InputError, match=r"holds no optimiser state; resume from last.safetensors"):
        state.restore(path, *read_checkpoint(path))


class _Counting(torch.optim.SGD):
    """Remembers a number in its groups and one for each parameter, as some optimisers do."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["done"] = group.get("done", 0) + 1
            for parameter in group["params"]:
                self.state[parameter]["seen"] = self.state[parameter].get("seen", 0) + 2
        return super().step(closure)


def test_what_an_optimiser_remembers_beside_tensors_comes_back(tmp_path, new_info):
    def state():
        torch.manual_seed(0)
        network = torch.nn.Linear(2, 1)
        ema = ModelEmaV3(network, decay=0.9, use_warmup=True)
        return TrainingState(network, ema, _Counting(network.parameters(), lr=0.1), Sgdr())

    first = state()
    for _ in range(3):
        first.network(torch.ones(1, 2)).sum().backward()
        first.optimizer.step()
    path = tmp_path / "last.safetensors"
    info = new_info("attention_xs", optimizer=first.optimizer_values())
    save_checkpoint(path, info, first.ema.module.state_dict(), first.tensors())
    second = state()
    second.restore(path, *read_checkpoint(path))
    assert second.optimizer.param_groups[0]["done"] == 3
    assert [slots["seen"] for slots in second.optimizer.state.values()] == [6, 6]
