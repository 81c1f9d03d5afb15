"""Command line, settings files and remembered choices: which one overrides which."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tcpconntop.cli import main
from tcpconntop.commands import settings
from tcpconntop.commands.settings import parse_with_settings, restore_ui_state, save_ui_choices
from tcpconntop.commands.view import view_spec_from_args
from tcpconntop.core.errors import FatalError
from tcpconntop.settings.ui_state import UiState, load_ui_state, save_ui_state


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Redirect all settings to an empty folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(settings, "SYSTEM_CONFIG", tmp_path / "etc" / "config.toml")
    monkeypatch.delenv("SUDO_UID", raising=False)
    return tmp_path


def write(file: Path, text: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return str(file)


def state(places):
    return places / "state" / "tcpconntop"


def restored(*words):
    args = parse_with_settings(words)
    restore_ui_state(args)
    return args


def test_the_command_line_overrides_files_and_files_override_remembered_choices(places):
    write(places / "etc/config.toml", "window = '5m'\ndelay = 3\ngroup = 'port'\nsort = 'max'")
    write(places / "config/tcpconntop/config.toml", "delay = 4\ngroup = 'subnet'")
    mine = write(places / "mine.toml", "group = 'unit'")
    save_ui_state(state(places), UiState(group="process", window="10s", delay=9, sort="mean:asc"))
    args = restored("--config", mine, "-o", "p50")
    assert (args.group, args.window, args.delay, args.sort) == ("unit", "5m", 4.0, "p50")
    args = restored("--config", mine, "-g", "dest", "--window=all", "--sort=fail", "-d2")
    assert (args.group, args.window, args.delay, args.sort) == ("dest", "all", 2.0, "fail")


def test_without_options_remembered_choices_are_used_and_else_the_defaults(places):
    assert (restored().group, restored().window, restored().sort, restored().delay) == (
        "dest",
        "1m",
        "trouble",
        1,
    )
    save_ui_state(state(places), UiState(group="process", window="10s", delay=9, sort="mean:asc"))
    args = restored()
    assert (args.group, args.window, args.delay, args.sort) == ("process", "10s", 9, "mean:asc")
    spec = view_spec_from_args(args)
    assert (spec.sort, spec.descending) == ("mean", False)


def test_a_remembered_order_is_used_with_the_remembered_grouping(places):
    save_ui_state(state(places), UiState(group="process", sort="pid:asc"))
    assert restored().sort == "pid:asc"
    assert restored("-g", "port").sort == "trouble"


@pytest.mark.parametrize("sort", ["nothing:desc", "p99:up", "dp99:desc", "dport:asc", ""])
def test_a_remembered_value_that_is_not_valid_any_more_is_ignored(places, sort):
    save_ui_state(state(places), UiState(group="x", window="7m", delay=-1, sort=sort))
    args = restored("-g", "process")
    assert (args.window, args.delay, args.sort) == ("1m", 1, "trouble")
    assert restored().group == "dest"


def test_scripts_do_not_use_remembered_choices(places):
    save_ui_state(state(places), UiState(window="10s"))
    assert parse_with_settings(["-b"]).window == "1m"
    write(places / "etc/config.toml", "window = '5m'\nprobe = 'kprobe'\ncolumns = ['p99']")
    assert parse_with_settings(["-b"]).window == "5m"
    log = parse_with_settings(["log"])  # it has no option --window, so that setting is ignored
    assert log.probe == "kprobe"
    assert not hasattr(log, "window")


def test_an_error_names_the_file_unless_the_value_is_from_the_command_line(places):
    file = write(places / "etc/config.toml", "window = '7m'\nfilter = 'p99>x'")
    with pytest.raises(FatalError, match=f"^{file}: window: no window is called '7m'"):
        view_spec_from_args(parse_with_settings(["--filter", ""]))
    with pytest.raises(FatalError, match=r"^no window is called '8m'"):
        view_spec_from_args(parse_with_settings(["-w", "8m", "--filter", ""]))
    with pytest.raises(FatalError, match=f"^{file}: filter: "):
        view_spec_from_args(parse_with_settings(["-w", "1m"]))
    write(Path(file), "ignore = ['famly']")
    with pytest.raises(
        FatalError, match=f"^{file}: ignore: no finding is called 'famly'; there are: "
    ) as caught:
        view_spec_from_args(parse_with_settings([]))
    assert caught.value.exit_code == 2
    assert view_spec_from_args(parse_with_settings(["--ignore", "family"])).ignore == ("family",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("x = 1", "x: no setting is called that"), ("delay = 'x'", "delay: must be"), ("=", "")],
)
def test_a_broken_file_is_exit_code_2_and_one_line(places, capsys, text, complaint):
    file = write(places / "config/tcpconntop/config.toml", text)
    assert main([]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"tcpconntop: {file}: {complaint}")
    assert err.count("\n") == 1


def test_a_missing_file_is_an_error_only_if_it_was_named_with_config(places, capsys):
    assert main(["--config", str(places / "nowhere")]) == 2
    assert capsys.readouterr().err == f"tcpconntop: {places}/nowhere: No such file or directory\n"
    parse_with_settings([])
    (places / "config/tcpconntop/config.toml").mkdir(parents=True)
    assert main([]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_options_are_not_remembered_but_choices_in_the_dashboard_are(places):
    before = UiState(group="process", window="10s", sort="mean:asc", theme="nord")
    save_ui_state(state(places), before)
    args = restored("-g", "port", "-w", "5m")
    began = UiState(group="port", window="5m", sort="mean:asc", delay=1.0, theme="nord")
    ended = UiState(group="port", window="15m", sort="max:desc", delay=1.0, theme="gruvbox")
    assert save_ui_choices(args, began, ended) == ""
    kept = load_ui_state(state(places))[0]
    assert (kept.group, kept.window, kept.sort, kept.theme) == ("process", "15m", "max:desc", "gruvbox")


def test_what_a_recording_was_looked_at_through_is_not_how_the_next_live_view_begins(places):
    save_ui_state(state(places), UiState(group="process", window="10s", sort="mean:asc", theme="nord"))
    args = restored("replay", "x.rec")
    began = UiState(group="process", window="10s", sort="mean:asc", theme="nord")
    ended = UiState(group="port", window="all", sort="count:desc", theme="gruvbox")
    assert save_ui_choices(args, began, ended) == ""
    kept = load_ui_state(state(places))[0]
    assert (kept.group, kept.window, kept.sort, kept.theme) == ("process", "10s", "mean:asc", "gruvbox")


def test_a_theme_from_a_file_is_remembered_only_if_another_one_was_chosen(places):
    write(places / "etc/config.toml", "theme = 'dracula'")
    save_ui_state(state(places), UiState(theme="nord"))
    args = restored()
    assert args.config.theme == "dracula"
    save_ui_choices(args, UiState(theme="dracula"), UiState(theme="dracula"))
    assert load_ui_state(state(places))[0].theme == "nord"
    save_ui_choices(args, UiState(theme="dracula"), UiState(theme="gruvbox"))
    assert load_ui_state(state(places))[0].theme == "gruvbox"


def test_files_are_read_with_the_rights_of_the_caller_and_parsed_without(places, monkeypatch):
    """GIVEN a caller who may not read the Python that runs this THEN a parser is imported."""
    doing = []

    @contextmanager
    def as_caller():
        doing.append("caller")
        yield
        doing.append("self")

    for name in ("read_text", "parse_config"):
        real = getattr(settings, name)
        monkeypatch.setattr(settings, name, lambda *args, real=real, name=name, **more: (
            doing.append(name), real(*args, **more))[1])  # fmt: skip
    monkeypatch.setattr(settings, "as_caller", as_caller)
    write(places / "etc/config.toml", "group = 'port'")
    assert parse_with_settings(["-b"]).group == "port"
    assert doing == ["caller", "read_text", "read_text", "self", "parse_config"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have been called through sudo")
def test_under_sudo_files_are_read_with_the_rights_and_the_home_of_the_caller(tmp_path):
    program = """
import os, sys
from tcpconntop.kernel.privileges import as_caller
from tcpconntop.settings.paths import home
with as_caller():
    print(home(), os.access(sys.argv[1], os.R_OK, effective_ids=True))
print(os.geteuid(), os.getegid(), os.access(sys.argv[1], os.R_OK, effective_ids=True))
"""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    groups = os.getgroups()
    user = pwd.getpwnam("nobody")
    environment = {**os.environ, "SUDO_UID": str(user.pw_uid), "SUDO_GID": str(user.pw_gid), "HOME": "/root"}
    run = subprocess.run(
        [sys.executable, "-c", program, secret],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert run.stdout.splitlines() == [f"{user.pw_dir} False", "0 0 True"]
    assert os.getgroups() == groups
