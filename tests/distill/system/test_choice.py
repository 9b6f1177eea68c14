"""A name with options, from whatever YAML and the command line give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.system.choice import Choice
from distill.system.errors import InputError

ATTENTION = Choice("attention", {"size": "xs", "depth": 2})
words = st.text("abcdefghij_", min_size=1).filter(lambda word: word != "name")
options = st.dictionaries(words, st.integers() | st.booleans() | words | st.lists(st.integers()))


@pytest.mark.parametrize(
    "value",
    [
        ATTENTION,
        {"name": "attention", "size": "xs", "depth": 2},
        "{name: attention, size: xs, depth: 2}",
        "name: attention\nsize: xs\ndepth: 2",
    ],
)
def test_of_whatever_says_it(value):
    assert Choice.of(value) == ATTENTION


def test_a_word_is_a_name():
    assert Choice.of("sgd") == Choice("sgd") == Choice("sgd", {})


@given(st.from_regex(r"[a-z]\w*", fullmatch=True), options)
def test_plain_values_give_the_choice_again(name, given_options):
    choice = Choice(name, given_options)
    assert Choice.of(choice.plain()) == choice
    assert hash(Choice.of(choice.plain())) == hash(choice)


def test_a_mapping_without_a_name_goes_to_the_default():
    assert Choice("sgd", {"momentum": 0.5}).merged(Choice.of({"momentum": 0.9})) == Choice("sgd", {"momentum": 0.9})
    assert Choice("sgd", {"momentum": 0.5}).merged(Choice.of("adamw")) == Choice("adamw")


def test_what_is_given_is_not_kept_hold_of():
    given_options = {"size": "xs"}
    choice = Choice("attention", given_options)
    given_options["size"] = "m"
    assert choice.options == {"size": "xs"}
    mapping = {"name": "attention", "size": "xs"}
    Choice.of(mapping)
    assert mapping == {"name": "attention", "size": "xs"}


@pytest.mark.parametrize("wrong", [5, None, ["sgd"], "[sgd, adamw]", 1.5])
def test_anything_else_is_refused(wrong):
    with pytest.raises(InputError, match="is neither a name nor a mapping with a name and options"):
        Choice.of(wrong)
