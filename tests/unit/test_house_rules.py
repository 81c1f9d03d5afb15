"""Rules about the code itself that no linter here knows: imports, sizes and words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tcpconntop

PACKAGE = Path(tcpconntop.__file__).parent
MAX_LINES = 300
ROOT = Path(__file__).parents[2]


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


def test_a_module_is_short_enough_to_be_read_at_once():
    lines = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in modules().items()}
    for part, pattern in (("bpf", "*.[ch]"), ("tests", "*.py"), ("screenshots", "*.py"), ("scripts", "*")):
        files = [file for file in (ROOT / part).rglob(pattern) if file.is_file() and file.suffix != ".pyc"]
        assert files, part
        lines |= {str(file): len(file.read_text("utf-8").splitlines()) for file in files}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def docstrings(name: str) -> Iterator[str]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def test_docstrings_say_return_where_something_is_returned():
    begin = [(name, text) for name in modules() for text in docstrings(name) if text.startswith("Give ")]
    assert begin == []


PRIVATE_WORDS = {
    *("Around", "Bare", "Board", "Case", "Cells", "Exact", "Figures", "Life", "Merged", "Moment", "Painted"),
    *(
        "Parts",
        "Place",
        "Playing",
        "Recorder",
        "SPACES",
        "Steering",
        "Subject",
        "Sums",
        "Tracing",
        "WAYS",
        "Worse",
    ),
    *("asked", "at", "checkup", "families", "found", "gives_up", "judge_failure", "known", "look", "mending"),
    *("mine", "patience", "place", "survey", "takeaway", "told", "was_there", "who", "witness"),
}
"""Names that tell a reader nothing. The project uses the field's word, or the plain one: the screen with the
table is `TableScreen`, what a finding rests on is `Evidence`, and an index is `index`, `row` or `column`."""


def names_in(name: str) -> Iterator[str]:
    """Yield the names that others meet: of classes, functions, parameters, fields and attributes."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_names_are_words_that_a_reader_knows():
    names = {(module, name) for module in modules() for name in names_in(module)}
    assert {("tcpconntop.engine", "Engine"), ("tcpconntop.core.view.spec", "sort")} <= names
    assert {(module, name) for module, name in names if name.strip("_") in PRIVATE_WORDS} == set()
