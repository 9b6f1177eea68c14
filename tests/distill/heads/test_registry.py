"""The outputs of a network by name and options."""

import pytest

from distill.heads.attention import Attention
from distill.heads.heatmaps import Heatmaps
from distill.heads.registry import HEADS, decoding_head, known_heads, make_heads, plain_heads
from distill.heads.tags import Tags
from distill.system.errors import InputError

DEFAULT = ("heatmaps", "tags")


def test_a_networks_own_outputs_and_what_is_changed_of_them():
    assert make_heads(DEFAULT, {}) == {"heatmaps": Heatmaps(), "tags": Tags()}
    assert make_heads(DEFAULT, {"tags": False}) == {"heatmaps": Heatmaps()}
    assert make_heads(DEFAULT, {"tags": {"pull": 0.5}, "heatmaps": True})["tags"] == Tags(pull=0.5)
    assert list(make_heads(DEFAULT, {"attention": None})) == ["heatmaps", "tags", "attention"]


def test_plain_values_make_the_same_heads_again():
    heads = make_heads(DEFAULT, {"heatmaps": {"sigma": {"heatmaps_s2": 1.5}}, "attention": {"weight": 0.2}})
    assert make_heads((), plain_heads(heads)) == heads


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heatmaps": False, "tags": False}, "outputs leaves no output"),
        ({"places": {}}, "output 'places' is unknown; choose from attention, centre, heatmaps, offsets, .*tags"),
        ({"tags": 0.5}, "outputs.tags must be options such as"),
        ({"tags": {"colour": 1}}, "output tags has no option 'colour'; its options are pull, push"),
        ({"tags": {"pull": "strong"}}, "output tags: .*pull"),
    ],
)
def test_wrong_outputs_are_named(options, message):
    with pytest.raises(InputError, match=message):
        make_heads(DEFAULT, options)


def test_people_are_found_from_as_many_outputs_as_there_are():
    heads = {"heatmaps": Heatmaps(), "tags": Tags(), "attention": Attention()}
    assert decoding_head(heads, ["heatmaps", "tags", "attention"]) == Tags()
    assert decoding_head(heads, ["heatmaps", "attention"]) == Heatmaps()
    with pytest.raises(InputError, match="the outputs attention, tags do not show where people are"):
        decoding_head(heads, ["tags", "attention"])


def test_unknown_outputs_of_a_file_are_passed_over():
    assert known_heads(["heatmaps", "made_up"]) == {"heatmaps": Heatmaps()}
    assert known_heads(["heatmaps"])["heatmaps"] is known_heads(["heatmaps", "tags"])["heatmaps"]
    assert {"heatmaps", "tags", "attention"} <= set(HEADS.names())
