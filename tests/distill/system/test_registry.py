"""What enters itself is found by name, and its options are checked."""

import sys
from dataclasses import dataclass

import pytest

from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.system.registry import Registry, checked_options, option_names, required_options


@pytest.fixture
def colours(tmp_path, monkeypatch):
    """A registry of a package of two files."""
    package = tmp_path / "made_up_colours"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "base.py").write_text(
        "from distill.system.registry import Registry\nCOLOURS = Registry('colour', 'made_up_colours')\n"
    )
    (package / "red.py").write_text(
        "from made_up_colours.base import COLOURS\n\n\n@COLOURS.register('red')\n"
        "def red(canvas, *, strength: float = 1.0, layers: int):\n"
        '    """Red.\n\n    Args:\n        canvas: to paint.\n        strength: of it.\n'
        '        layers: how many.\n    """\n'
        "    return canvas, strength, layers\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from made_up_colours.base import COLOURS

    yield COLOURS
    for name in [name for name in sys.modules if name.startswith("made_up_colours")]:
        del sys.modules[name]


@dataclass(frozen=True)
class Painted:
    """Options as fields."""

    gloss: float = 0.5
    "How it shines."


def test_a_file_of_the_package_is_found_at_the_first_look(colours):
    assert colours.names() == ["red"]
    assert colours.build(Choice("red", {"layers": 2}), "wall") == ("wall", 1.0, 2)


def test_a_name_or_option_that_is_not_there_is_one_line(colours):
    with pytest.raises(InputError, match="colour 'blue' is unknown; choose from red, or name the file that has it in"):
        colours.get("blue")
    with pytest.raises(InputError, match="colour red has no option 'gloss'; its options are strength, layers"):
        colours.build(Choice("red", {"gloss": 1}), "wall")
    with pytest.raises(InputError, match=r"colour red: .*layers") as refused:
        colours.build(Choice("red", {"layers": "many"}), "wall")
    assert "\n" not in str(refused.value)


def test_two_of_one_name_are_refused_and_the_same_file_again_is_not(colours):
    with pytest.raises(InputError, match=r"two colours are called 'red': in .*red.py and in .*test_registry"):
        colours.get("red")
        colours.register("red")(Painted)
    colours.register("painted")(Painted)
    colours.register("painted")(type("Again", (Painted,), {"__module__": __name__}))


def test_options_of_a_dataclass_and_of_a_function(colours):
    assert option_names(Painted) == ["gloss"]
    assert option_names(colours.get("red")) == ["strength", "layers"]
    assert required_options(colours.get("red")) == ["layers"]


def test_values_take_the_type_that_is_asked_for():
    assert checked_options(Painted, {"gloss": 1}, "painted") == {"gloss": 1.0}
    assert checked_options(Painted, {}, "painted") == {}


def test_entries_of_a_packages_own():
    entries = {}
    registry = Registry("thing", "distill.system", entries)
    registry.register("own")(Painted)
    assert entries == {"own": Painted}
