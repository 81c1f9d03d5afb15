"""Filters of any text: a filter that can be applied, or one error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from records import random_records, snapshot

from tcpconntop.core.view.filter import Filter, FilterError, parse_filter
from tcpconntop.core.view.key_fields import ALIASES, FILTERABLE
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.metrics import METRICS
from tcpconntop.core.view.spec import ViewSpec

FIELDS = st.sampled_from([*FILTERABLE, *ALIASES, *METRICS, "", "no", "!", "!!"])
OPERATORS = st.sampled_from(["=", "~", ":", ">", ">=", "<", "<=", "", "=="])
VALUES = st.text(max_size=10) | st.sampled_from(
    [
        "5ms",
        "1%",
        "9" * 400,
        "9" * 5000,
        "1e5",
        "٣ms",
        "10.0.0.0/8",
        "::/0",
        "10.0.0.0/99",
        "fe80::1%eth0",
        ",",
        "'",
        '"',
        "\\",
        "0x10",
        "²",
        "\x1b[31m",
        "\ud800",
        "1.1.1.1,",
        "https",
        "-1",
        "nan",
        "inf",
    ]
)  # fmt: skip
WORDS = st.builds("{}{}{}".format, FIELDS, OPERATORS, VALUES)
SHOWN = snapshot(random_records(50, 7))


def check(text: str) -> None:
    try:
        where = parse_filter(text, {"https": 443})
    except FilterError as error:
        where, refused = Filter(), error
        position = (0 <= refused.start <= refused.end <= len(text)) and bool(str(refused))
    else:
        position = True
    assert position
    for group in ("dest", "process", "unit"):
        assert len(make_view(SHOWN, ViewSpec(group, where=where))) <= 60


@given(st.lists(WORDS, max_size=4).map(" ".join))
def test_any_terms_are_a_filter_or_an_error(text: str) -> None:
    check(text)


@given(st.text())
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    check(text)
