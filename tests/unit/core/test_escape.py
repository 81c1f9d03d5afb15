"""Text from outside, escaped for each kind of output."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconntop.core.escape import csv_cell, json_line

# One worker makes the table of all characters that hypothesis needs; it takes two seconds.
pytestmark = pytest.mark.xdist_group("escape")

EVIL = [
    "\x1b]0;pwn\x07\x1b[31m", "a\nb", "\x7f", "\x9b31m", "\u202egnp.exe", "\u2066x\u2069", "\u2028",
    "\u2029",
    "\ud800b", "\U000e0041",
]  # fmt: skip


@pytest.mark.parametrize("text", EVIL)
def test_nothing_unprintable_is_in_json_and_nothing_is_lost(text: str) -> None:
    line = json_line({text: [text]})
    assert line.isprintable()
    assert json.loads(line) == {text: [text]}


def test_what_people_write_stays_as_it_is() -> None:
    assert json_line({"unit": "größe·数据.service \U0001f600"}) == '{"unit":"größe·数据.service \U0001f600"}'


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans()))
def test_json_of_any_text_reads_back(document: dict[str, object]) -> None:
    line = json_line(document)
    assert line.isprintable()
    assert json.loads(line) == document


@given(st.text() | st.sampled_from([*EVIL, "=cmd|' /C calc'", "-1+1", "@x", "＝x", "\t=x"]))
def test_a_cell_is_one_printable_text_and_no_formula(text: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(
        [csv_cell(text), csv_cell(None), csv_cell(True), csv_cell(-5)]
    )
    assert out.getvalue().removesuffix("\n").isprintable()
    cell, *rest = next(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert rest == ["", "1", "-5"]
    assert not cell.startswith(("=", "+", "-", "@", "＝"))
