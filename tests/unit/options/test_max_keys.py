"""The option --max-keys."""

from __future__ import annotations

import pytest

from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tcpconntop.options import UsageError, parse


@pytest.mark.parametrize("command", [[], ["-b"], ["demo"]])
def test_the_default_is_the_one_of_the_engine(command):
    assert parse(command).max_keys == DEFAULT_MAX_KEYS


@pytest.mark.parametrize("n", [100, 5_000, 1_000_000])
def test_valid_values(n):
    assert parse(["-b", "--max-keys", str(n)]).max_keys == n


@pytest.mark.parametrize("text", ["99", "1000001", "-5", "1e3", "many", ""])
def test_an_error_names_the_limits(text):
    with pytest.raises(UsageError, match=r"--max-keys.*(from 100 to 1000000|expected one argument)"):
        parse(["--max-keys", text])


def test_log_has_no_such_option():
    with pytest.raises(UsageError, match="--max-keys"):
        parse(["log", "--max-keys", "500"])


def test_help_lists_it(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "--max-keys N" in capsys.readouterr().out
