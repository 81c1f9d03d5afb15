"""The bound of the keys that are told apart, as the command line takes it."""

from __future__ import annotations

import pytest

from tcpconntop.core.window.keys import DEFAULT_MAX_KEYS
from tcpconntop.options import UsageError, parse


@pytest.mark.parametrize("command", [[], ["-b"], ["demo"]])
def test_given_no_bound_of_keys_then_it_is_the_engines(command):
    assert parse(command).max_keys == DEFAULT_MAX_KEYS


@pytest.mark.parametrize("n", [100, 5_000, 1_000_000])
def test_given_a_bound_of_keys_then_it_is_taken(n):
    assert parse(["-b", "--max-keys", str(n)]).max_keys == n


@pytest.mark.parametrize("text", ["99", "1000001", "-5", "1e3", "many", ""])
def test_given_a_bound_of_keys_that_cannot_be_then_the_error_names_the_limits(text):
    with pytest.raises(UsageError, match=r"--max-keys.*(from 100 to 1000000|expected one argument)"):
        parse(["--max-keys", text])


def test_given_a_log_then_there_is_no_bound_of_keys_to_set():
    with pytest.raises(UsageError, match="--max-keys"):
        parse(["log", "--max-keys", "500"])


def test_help_tells_of_the_bound_of_keys(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "--max-keys N" in capsys.readouterr().out
