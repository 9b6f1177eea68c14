"""The packages keep to their rooms, and the wings of `distill` to their order."""

import ast
import sys

import pytest

ALLOWED = {
    "teachers": {"torch", "torchvision", "timm", "numpy", "cv2", "safetensors", "yaml", "onnx", "onnxruntime"}
    | {"ai_edge_litert"},
    "students": {"torch", "timm", "numpy"},
    "cache": {"numpy", "cv2", "zarr", "zarrs", "numcodecs", "google_crc32c", "fsspec", "obstore"},
    "mobile": {
        "torch",
        "numpy",
        "onnx",
        "onnxruntime",
        "onnxscript",
        "jinja2",
        "jsonschema",
        "litert_torch",
        "ai_edge_litert",
        "ai_edge_quantizer",
        "coremltools",
        "executorch",
    },
}
"What each inner package imports beside the standard library: neither `distill` nor one another."
WINGS = (
    *("commands", "reporting", "training", "deployment", "prediction", "labelling", "evaluation", "drawing"),
    *("data", "synthetic", "networks", "heads", "pose", "system"),
)
"The wings of `distill`: each may import those after it, never those before."


def imported(source: str, package: str) -> set[str]:
    """Dotted names of every absolute import in the source, wherever it stands."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = package if node.level else node.module
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def wings_imported(source: str) -> set[str]:
    """Names of the wings that the source imports from."""
    parts = (name.split(".") for name in imported(source, "distill"))
    return {names[1] for names in parts if names[0] == "distill" and len(names) > 1} - {"__version__"}


@pytest.mark.parametrize("room", ALLOWED)
def test_room_imports_only_what_it_may(repository, room):
    files = sorted((repository / room).rglob("*.py"))
    assert files
    for file in files:
        is_script = not (file.parent / "__init__.py").exists()
        own = {room} | ({sibling.stem for sibling in file.parent.glob("*.py")} if is_script else set())
        packages = {name.split(".")[0] for name in imported(file.read_text(), room)}
        foreign = packages - sys.stdlib_module_names - own
        assert foreign <= ALLOWED[room], f"{file} imports {sorted(foreign - ALLOWED[room])}"


@pytest.mark.parametrize("wing", WINGS)
def test_wing_imports_only_wings_below_it(repository, wing):
    files = sorted((repository / "distill" / wing).rglob("*.py"))
    assert files
    may = set(WINGS[WINGS.index(wing) :])
    for file in files:
        upwards = wings_imported(file.read_text()) - may
        assert not upwards, f"{file} imports upwards: {sorted(upwards)}"


def test_the_hall_has_no_loose_files_and_no_other_wings(repository):
    hall = repository / "distill"
    assert [file.name for file in hall.glob("*.py")] == ["__init__.py"]
    folders = {folder.name for folder in hall.iterdir() if list(folder.rglob("*.py"))}
    assert folders == set(WINGS)


def test_the_check_sees_imports_inside_functions():
    source = "def f():\n    import distill.training.losses as d\n    from cache.store import SoftLabelStore\n"
    assert imported(source, "teachers") == {"distill.training.losses", "cache.store.SoftLabelStore"}
    assert wings_imported(source + "from distill import pose\n") == {"training", "pose"}
