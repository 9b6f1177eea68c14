"""The packages keep to their rooms: the four inner ones know nothing of `distill` nor of one another."""

import ast
import sys

import pytest

ROOMS = ("teachers", "students", "cache", "mobile")
ALLOWED = {
    "teachers": {"torch", "timm", "numpy", "cv2", "safetensors"},
    "students": {"torch", "timm", "numpy"},
    "cache": {"numpy", "cv2", "zarr", "zarrs", "numcodecs", "google_crc32c", "fsspec", "obstore"},
    "mobile": {"torch", "numpy", "jinja2", "jsonschema", "litert_torch", "ai_edge_litert", "ai_edge_quantizer"},
}


def imported_packages(source: str, package: str) -> set[str]:
    """Top-level names of every absolute import in the source, wherever it stands."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(package if node.level else node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_it_may(repository, room):
    files = sorted((repository / room).rglob("*.py"))
    assert files
    for file in files:
        is_script = not (file.parent / "__init__.py").exists()
        own = {room} | ({sibling.stem for sibling in file.parent.glob("*.py")} if is_script else set())
        foreign = imported_packages(file.read_text(), room) - sys.stdlib_module_names - own
        assert foreign <= ALLOWED[room], f"{file} imports {sorted(foreign - ALLOWED[room])}"


def test_the_check_sees_imports_inside_functions():
    source = "def f():\n    import distill.losses as d\n    from cache.store import SoftLabelStore\n"
    assert imported_packages(source, "teachers") == {"distill", "cache"}
