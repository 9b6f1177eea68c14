"""Students by name."""

import pytest

from students.attention import SIZES, attention
from students.registry import NETWORKS, SHORT, load, register


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
