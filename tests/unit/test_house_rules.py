"""Rules about the code itself that no linter here knows: imports, sizes and words."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import tcpconntop

PACKAGE = Path(tcpconntop.__file__).parent
MAX_LINES = 300


@cache
def modules() -> dict[str, Path]:
    """Return the files of all modules of the package, at any depth, by the modules' names."""
    files = {
        ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts): file
        for file in PACKAGE.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): file for name, file in files.items()}


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def imports_of(name: str) -> set[str]:
    """Return the modules of the package that a module imports, for type checking and in functions, too."""
    imported = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            imported |= {each if each in modules() else str(node.module) for each in names}
    return imported & modules().keys()


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle, in order; empty where there is no circle."""
    finished: set[str] = set()

    def search(way: list[str]) -> list[str]:
        for following in sorted(imports[way[-1]] - finished):
            if following in way:
                return way[way.index(following) :]
            if circle := search([*way, following]):
                return circle
        finished.add(way[-1])
        return []

    circles = (search([name]) for name in sorted(imports) if name not in finished)
    return next((circle for circle in circles if circle), [])


def test_every_folder_is_found():
    assert {
        "tcpconntop.cli",
        "tcpconntop.core.wire",
        "tcpconntop.core.analysis.explain.finding",
    } <= modules().keys()
    folders = {file.parent for file in modules().values()}
    assert {folder for folder in PACKAGE.rglob("*") if (folder / "__init__.py").exists()} <= folders


def test_no_module_imports_itself_by_way_of_others():
    """GIVEN imports, those for type checking among them WHEN followed THEN they never come back."""
    imports = {name: imports_of(name) for name in modules()}
    assert imports["tcpconntop.cli"]
    assert circle_in(imports) == []


@pytest.mark.parametrize(
    ("imports", "circle"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"a"}}, ["a"]),
        ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}, ["b", "c", "d"]),
    ],
)
def test_a_circle_is_found(imports, circle):
    assert circle_in(imports) == circle
