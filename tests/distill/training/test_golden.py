"""Ten steps whose losses are kept: a change of data, targets, losses or schedule shows here first.

After a change that is meant, `DISTILL_GOLDEN=write python -m pytest tests/distill/training/test_golden.py` writes
golden_run.json anew.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from distill.training.objective import LossConfig
from distill.training.trainer import Trainer

GOLDEN = Path(__file__).with_name("golden_run.json")
TOLERANCE = {1: 1e-3, 2: 5e-3, 3: 5e-3}
"Relative, by step; processors round differently and steps carry that on, further ones up to `LATER`."
LATER = 0.02


@pytest.mark.parametrize("kind", ["hard", "soft", "both"])
def test_losses_are_those_of_the_golden_run(config, labels, losses_of, kind):
    alpha = {"hard": 0.0, "soft": 1.0, "both": 0.5}[kind]
    data = replace(config.data, soft_labels=labels)
    Trainer(replace(config, data=data, loss=LossConfig(alpha=alpha))).run()
    found = {step: round(loss, 5) for step, loss in losses_of(config.out).items()}
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("DISTILL_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps(golden | {kind: found}, indent=2) + "\n")
        return
    wanted = {int(step): loss for step, loss in golden[kind].items()}
    assert found.keys() == wanted.keys()
    for step, loss in found.items():
        assert loss == pytest.approx(wanted[step], rel=TOLERANCE.get(step, LATER)), step
