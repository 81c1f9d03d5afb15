"""The command line: values of options, and which options may be combined."""

from __future__ import annotations

import re

import pytest

from tcpconntop.options import COMMANDS, UsageError, parse


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("record f --for 30s", "for_s", 30),
        ("record f --for 1.5m", "for_s", 90),
        ("record f --for 2h", "for_s", 7200),
        ("record f --for 5", "for_s", 5),
        ("record f --rotate-size 64M", "rotate_size", 64 << 20),
        ("record f --rotate-size 64k", "rotate_size", 64 << 10),
        ("record f --rotate-size 1G", "rotate_size", 1 << 30),
        ("record f 2.5", "min_ms", 2.5),
        ("replay f", "speed", 1.0),
        ("replay f -b", "speed", None),
        ("replay f -b --speed 2", "speed", 2.0),
        ("replay f --speed max", "speed", None),
        ("replay a b --min-ms 3", "replay", ["a", "b"]),
        ("log --replay a --replay b 3", "replay", ["a", "b"]),
        ("log", "record", None),
        ("-b --record f", "record", "f"),
        ("-b", "command", "batch"),
        ("", "command", "dashboard"),
        ("5", "min_ms", 5.0),
        ("exporter", "listen", ("127.0.0.1", 9742)),
        ("exporter --listen :9000", "listen", ("", 9000)),
        ("exporter --listen [::1]:0", "listen", ("::1", 0)),
        ("exporter --by unit --top 7 -P 443", "top", 7),
    ],
)
def test_valid_command_lines(words: str, name: str, value: object) -> None:
    assert getattr(parse(words.split()), name) == value


@pytest.mark.parametrize(
    "words",
    [
        "record", "record f --for 0", "record f --for soon", "record f --for nans", "record f --for infh",
        "record f --rotate-size 1X", "record f --keep 0", "record f --compress lz4",
        "record f --rotate-size 63k", "replay", "replay f --speed 0", "replay f --speed fast",
        "replay f --json", "replay f -n 3", "replay f --record g", "check", "check --for 3s", "export f",
        "export f --format xml", "export --format csv", "log --header 0", "log --rotate-size",
        "demo --record f", "exporter --listen 9742", "exporter --listen ::1:9742", "exporter --top 0",
        "exporter --top 1001",
        "exporter --listen [127.0.0.1]:9742", "exporter --listen localhost:9742", "exporter --by process",
        "exporter --listen 127.0.0.1:65536", "exporter --listen 127.0.0.1:", "exporter --record f",
    ],
)  # fmt: skip
def test_command_lines_that_are_not_valid_are_one_line(words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(words.split())
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "words", [["record", ""], ["--record", ""], ["replay", ""], ["replay", "f", ""], ["log", "--replay", ""]]
)
def test_the_name_of_a_file_must_not_be_empty(words: list[str]) -> None:
    """GIVEN an empty variable in a script WHEN it is used as a file name THEN it is an error."""
    with pytest.raises(UsageError, match="the name of a file must not be empty"):
        parse(words)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"tcpconntop {command}".strip() in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_option_has_a_help_text(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """GIVEN a terminal of usual width WHEN help is printed THEN each option has a text."""
    with pytest.raises(SystemExit):
        parse([*command.split(), "--help"])
    options = capsys.readouterr().out.partition("\noptions:")[2].partition("\ncommands (")[0]
    entries = re.split(r"\n  (?=\S)", options)[1:]
    assert entries
    for entry in entries:
        assert re.match(r"\S.*(  |\n +)\w", entry), f"no help text: {entry}"


@pytest.mark.parametrize("option", ["--dest", "-c"])
def test_an_empty_filter_is_an_error_and_not_everything(option: str) -> None:
    """GIVEN a shell variable that is not set WHEN it is a filter THEN not everything is traced."""
    with pytest.raises(UsageError, match="must not be empty"):
        parse([option, ""])


@pytest.mark.parametrize("words", ["-b log", "--json -b record f", "-d 2 doctor"])
def test_options_before_a_command_are_told_to_come_after_it(words: str) -> None:
    with pytest.raises(UsageError, match=r"the command '\w+' comes first, before options"):
        parse(words.split())
