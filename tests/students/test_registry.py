"""Students by name, and ImageNet weights that cannot be had."""

import subprocess
import sys

import pytest

from students.attention import SIZES, attention
from students.registry import NETWORKS, SHORT, load, register

CREATE = (
    "from students.attention import attention; attention({'heatmaps': 17}, size='s', pretrained=True); print('made')"
)


def test_every_student_is_found_with_its_short_names():
    load()
    assert NETWORKS["attention"] is attention
    assert {name: SHORT[name] for name in ("attention_xs", "attention_s", "attention_m", "attention_lite0")} == {
        f"attention_{size}": ("attention", {"size": size}) for size in SIZES
    }
    assert list(attention.default_outputs) == ["heatmaps", "tags", "attention"]
    assert NETWORKS["unet"].default_outputs["heatmaps"] == {"loss": "soft_iou"}


def test_two_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"two students are called 'attention'; give .*other another name"):

        @register("attention")
        def other(outputs):
            """Another one."""

    with pytest.raises(ValueError, match="two students are called 'attention_s'"):

        @register("other_student", short={"attention_s": {}})
        def other(outputs):
            """Another one."""

    assert NETWORKS["attention"] is attention and SHORT["attention_s"] == ("attention", {"size": "s"})


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
