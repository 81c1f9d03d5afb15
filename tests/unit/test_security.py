"""SECURITY.md: every promise has tests, which exist, and each of them is shown to have teeth."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import teeth

ROOT = Path(__file__).parents[2]
PROMISES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "SECURITY.md")
    .read_text("utf-8")
    .partition("\n## Promises\n")[2]
    .partition("\n## ")[0]
    .splitlines()
    if line.startswith("| ") and "`tests/" in line
]
NAMED = {name.strip("` ") for _, _, tests in PROMISES for name in tests.split(",")}


def test_the_table_has_no_empty_cell() -> None:
    assert len(PROMISES) > 10
    assert all(len(cells) == 3 and all(cells) for cells in PROMISES)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_promise_names_a_test_that_exists(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_has_a_test_with_teeth() -> None:
    shown = {protection.test.partition("[")[0] for protection in teeth.PROTECTIONS}
    toothless = [
        what for what, _, tests in PROMISES if not shown & {name.strip("` ") for name in tests.split(",")}
    ]
    assert toothless == []


@pytest.mark.parametrize("protection", teeth.PROTECTIONS, ids=lambda protection: protection.what)
def test_a_protection_is_where_the_script_looks_for_it(protection: teeth.Protection) -> None:
    assert (ROOT / protection.file).read_text("utf-8").count(protection.old) == 1
