"""Settings files: every setting, one-line errors for what is not valid, and merging."""

from __future__ import annotations

import sys

import pytest

from tcpconntop.core.toml import toml_parser
from tcpconntop.settings.config import SETTINGS, Config, ConfigError, merge_configs, parse_config


@pytest.fixture(params=["tomllib", "tomli"], autouse=True)
def parser(request, monkeypatch):
    """Run every test with each parser: with tomllib hidden, as on Python 3.10, tomli is used."""
    if request.param == "tomli":
        monkeypatch.setitem(sys.modules, "tomllib", None)
    elif sys.version_info < (3, 11):
        pytest.skip("tomllib came with Python 3.11")
    assert toml_parser().__name__ == request.param


FULL = """
window = "5m"
group = "process"
sort = "fail:desc"
delay = 2
filter = "dport=443"
probe = "kprobe"
transport = "perf"
loader = "bcc"
columns = ["daddr", "p99"]
ignore = ["family", "gives-up"]
alert = ["p99>50ms dest:10.0.0.0/8", "fail>5%"]
dns = true
max-keys = 500
theme = "nord"

[keys]
filter = ["f", "slash"]
"""


def test_every_setting_becomes_the_default_of_its_option():
    config = parse_config(FULL, "a.toml")
    assert config.options == {
        "window": "5m", "group": "process", "sort": "fail:desc", "delay": 2.0, "filter": "dport=443",
        "probe": "kprobe", "transport": "perf", "loader": "bcc", "columns": "daddr,p99", "dns": True,
        "max-keys": "500", "ignore": "family,gives-up",
        "alert": ("p99>50ms dest:10.0.0.0/8", "fail>5%"),
    }  # fmt: skip
    assert set(config.options) == set(SETTINGS)
    assert (config.theme, config.keys) == ("nord", {"filter": ("f", "slash")})
    assert config.location("window") == "a.toml: window: "
    assert config.location("keys.filter") == "a.toml: keys.filter: "
    assert config.location("keys.quit") == ""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("windw = '5m'", "a.toml: windw: no setting is called that; there are: alert, columns, delay, "),
        ("window = 5", 'a.toml: window: must be a string such as "5m"'),
        ("delay = 0", "a.toml: delay: must be a number of seconds from 0.1 to 3600"),
        ("delay = nan", "a.toml: delay: must be"),
        ("delay = true", "a.toml: delay: must be"),
        ("max-keys = 0", "a.toml: max-keys: must be a whole number, at least 1"),
        ("max-keys = true", "a.toml: max-keys: must be"),
        ("max-keys = 1.5", "a.toml: max-keys: must be"),
        ("dns = 1", "a.toml: dns: must be true or false"),
        ("columns = 'p99'", "a.toml: columns: must be a list of strings"),
        ("columns = [1]", "a.toml: columns: must be a list of strings"),
        ("ignore = 'family'", "a.toml: ignore: must be a list of strings"),
        ("alert = 'p99>5ms'", 'a.toml: alert: must be a list of strings such as ["p99>50ms'),
        ("probe = 'magic'", 'a.toml: probe: must be "auto", "fentry", "kprobe" or "tracepoint"'),
        ("theme = 1", "a.toml: theme: must be a string"),
        ("keys = 1", "a.toml: keys: must be a table"),
        ("[keys]\nfilter = 'f'", "a.toml: keys.filter: must be a list of keys"),
        ("[keys]\nfilter = []", "a.toml: keys.filter: must be a list of keys"),
        ("[window]\nx = 1", "a.toml: window: must be"),
        ("window =", "a.toml: "),
        ("x = " + "[" * 100_000, "a.toml: "),
        ('"a\\u001b\\n" = 1', "a.toml: a··: no setting is called that"),
        ('[keys]\n"a\\u001b\\n" = 1', "a.toml: keys.a··: must be a list"),
    ],
)
def test_what_is_not_valid_is_one_line_that_names_file_and_key(text, complaint):
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "a.toml")
    assert str(caught.value).startswith(complaint)
    assert str(caught.value).isprintable()


def test_later_files_override_earlier_ones():
    first = parse_config("window = '5m'\nsort = 'p50'\ntheme = 'nord'\n[keys]\nquit = ['x']", "1")
    second = parse_config("window = '10s'\n[keys]\nfilter = ['f']", "2")
    both = merge_configs([first, Config(), second])
    assert both.options == {"window": "10s", "sort": "p50"}
    assert both.theme == "nord"
    assert both.keys == {"quit": ("x",), "filter": ("f",)}
    assert (both.location("window"), both.location("sort")) == ("2: window: ", "1: sort: ")
    assert merge_configs([]) == Config()


def test_a_byte_order_mark_at_the_beginning_is_no_error():
    assert parse_config("\ufeffwindow = '5m'\n", "f").options == {"window": "5m"}
