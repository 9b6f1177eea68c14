"""Students by name, and ImageNet weights that cannot be had."""

import subprocess
import sys

import pytest

from students.registry import CONFIGS, create

CREATE = "from students.registry import create; create('attention_s', 17, pretrained=True); print('made')"


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"attention_xl.*attention_xs, attention_s, attention_m"):
        create("attention_xl", 17)


def test_creating_leaves_the_configurations_alone():
    before = repr(CONFIGS)
    create("attention_xs", 17)
    assert repr(CONFIGS) == before


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "no ImageNet weights for mobilenetv4_conv_small"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
    ],
    ids=["offline", "unreachable"],
)
def test_missing_imagenet_weights_are_one_warning(settings, reason, repository, tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "HF_HOME": str(tmp_path), "PYTHONPATH": str(repository), **settings}
    made = subprocess.run([sys.executable, "-c", CREATE], env=environment, capture_output=True, text=True, timeout=60)
    assert made.stdout == "made\n"
    warning = made.stderr.strip()
    assert reason in warning and "random" in warning and "\n" not in warning
