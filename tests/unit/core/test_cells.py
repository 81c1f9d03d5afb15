"""Texts in columns of a terminal."""

from __future__ import annotations

import pytest

from tcpconntop.core.cells import cell_width, fit, pad


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("nginx", 5),
        ("größe", 5),
        ("gro\u0308ße", 5),
        ("数据", 4),
        ("ｆｕｌｌ", 8),
        ("한국", 4),
        ("µ·", 2),
    ],
)
def test_given_a_text_then_its_width_is_that_on_a_terminal(text, width):
    assert cell_width(text) == width


def test_given_a_width_then_a_text_is_padded_or_cut_to_it():
    assert pad("数据", 6) == "数据  "
    assert pad("数据", 6, right=True) == "  数据"
    assert pad("longer", 3) == "longer"
    assert fit("数据库服务器的名字", 5) == "数据 "
    assert fit("e\u0301te", 2) == "e\u0301t"
