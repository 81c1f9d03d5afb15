"""The faults for the BPF program: each changes a text that is in the program, once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/mutants"))

from mutants import MUTANTS, Mutant  # noqa: E402


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(one, id=f"{group}: {one.name}") for group, ones in MUTANTS.items() for one in ones],
)
def test_a_mutant_changes_a_text_that_occurs_once(mutant: Mutant) -> None:
    assert mutant.old != mutant.new
    assert (ROOT / "bpf" / mutant.file).read_text().count(mutant.old) == 1
