"""The rooms of the house: who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vos_lab

PACKAGE = Path(vos_lab.__file__).parent

ROOMS = [
    ("compiled", "exercise", "course_files", "weights"),
    ("video",),
    ("flow",),
    ("datasets",),
    ("metrics",),
    ("methods",),
    ("view",),
    ("training",),
    ("bench",),
    ("claims",),
    ("exercises", "course"),
    ("authoring",),
    ("grading",),
    ("doctor", "cli"),
]
"""From the ground up. A room imports from rooms before it, and from files of its own row."""


def module_name(file: Path, package: Path = PACKAGE) -> str:
    parts = [package.name, *file.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_path(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def imported(tree: ast.AST, name: str, is_package: bool) -> Iterator[str]:
    """Every module that a file names: at its top, late in a function, or as a text.

    A text counts where it is the name of a module or of something in it, since that is how
    ``import_module`` finds it.
    """
    parent = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = parent.split(".")[: len(parent.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if (
                text.startswith(f"{name.partition('.')[0]}.")
                and text.replace(".", "").isidentifier()
            ):
                yield text


def imports(package: Path = PACKAGE) -> dict[str, set[str]]:
    """For each module of a package, the other modules of it that it names."""
    files = {module_name(file, package): file for file in package.rglob("*.py")}
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found[name] = set()
        for other in imported(tree, name, file.name == "__init__.py"):
            while other and other not in files:
                other = other.rpartition(".")[0]
            if other and other not in (name, package.name):
                found[name].add(other)
    return found


def room_of(module: str) -> str:
    return module.split(".")[1]


def against_the_order(graph: dict[str, set[str]], rooms: list[tuple[str, ...]]) -> list[str]:
    """The imports that go to a room further up, or to one that is on no list."""
    floor = {room: number for number, row in enumerate(rooms) for room in row}
    return [
        f"{name} imports {other}"
        for name, others in sorted(graph.items())
        for other in sorted(others)
        if "." in name and floor.get(room_of(other), len(rooms)) > floor.get(room_of(name), -1)
    ]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, or nothing."""
    state: dict[str, int] = {}
    path: list[str] = []

    def visit(name: str) -> list[str]:
        state[name] = 1
        path.append(name)
        for other in sorted(graph[name]):
            if state.get(other) == 1:
                return [*path[path.index(other) :], other]
            if other not in state and (found := visit(other)):
                return found
        path.pop()
        state[name] = 2
        return []

    for name in sorted(graph):
        if name not in state and (found := visit(name)):
            return found
    return []


def test_every_module_is_in_a_room():
    rooms = {room for row in ROOMS for room in row}
    there = {room_of(name) for name in imports() if "." in name}
    assert there <= rooms


def test_no_import_goes_to_a_room_further_up():
    assert against_the_order(imports(), ROOMS) == []


def test_no_imports_go_in_a_circle():
    assert circle(imports()) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import house.upper.attic", ["house.upper.attic"]),
        ("from house.upper import attic", ["house.upper.attic"]),
        ("def late():\n    from house.upper.attic import Box", ["house.upper.attic"]),
        ("from .lower import x", ["house.lower"]),
        ("import_module('house.upper.attic')", ["house.upper.attic"]),
        ("METHODS = {'a': 'house.upper.attic.Box'}", ["house.upper.attic"]),
        ("'house.upper.attic is a room'", []),
    ],
)
def test_every_form_of_import_is_seen(tmp_path, source, names):
    package = tmp_path / "house"
    for file in ("__init__.py", "lower.py", "upper/__init__.py", "upper/attic.py"):
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).touch()
    (package / "ground.py").write_text(source)
    graph = imports(package)
    assert graph["house.ground"] == set(names)
    rooms = [("ground", "lower"), ("upper",)]
    upward = [name for name in names if "upper" in name]
    assert against_the_order(graph, rooms) == [f"house.ground imports {name}" for name in upward]


def test_a_circle_is_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}
    assert circle(graph) == ["a", "b", "c", "a"]
    assert circle(graph | {"c": {"d"}}) == []
