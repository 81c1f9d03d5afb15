"""Settings files of any content: settings, or one printable line."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconntop.core.format import printable
from tcpconntop.settings.config import SETTINGS, Config, ConfigError, parse_config

KEYS = st.sampled_from([*SETTINGS, "theme", "keys", "keys.filter", "[keys]\nfilter", "nothing", '"\\u001b"'])
VALUES = st.sampled_from(
    [
        "true",
        "1",
        "-1",
        "inf",
        "nan",
        "1e999",
        "9" * 5000,
        '"1m"',
        '""',
        "[]",
        '["f"]',
        "[[]]",
        "{}",
        "{a=1}",
        '"\\u001b[31m"',
        '"""x\ny"""',
        "1979-05-27",
        "[" * 300 + "]" * 300,
        '["daddr", 1]',
        "'\u202e'",
    ]
)  # fmt: skip
LINES = st.builds("{} = {}".format, KEYS, VALUES) | st.text(string.printable, max_size=30)


def check(text: str) -> None:
    try:
        config = parse_config(text, "/etc/x")
    except ConfigError as error:
        line = printable(str(error))
        assert line.startswith("/etc/x: ")
        assert len(line) < 2_000
    else:
        assert isinstance(config, Config)


@given(st.lists(LINES, max_size=6).map("\n".join))
def test_any_lines_are_settings_or_one_line(text: str) -> None:
    check(text)


@given(st.text())
def test_any_text_is_settings_or_one_line(text: str) -> None:
    check(text)


def test_toml_that_is_nested_for_ever_is_one_line() -> None:
    for text in ("x = " + "[" * 100_000, "a." * 50_000 + "b = 1", "[" + "a." * 50_000 + "b]", "#\n" * 50_000):
        with pytest.raises(ConfigError, match="longer than"):
            parse_config(text, "/etc/x")
    check("x = " + "[" * 4_000)
