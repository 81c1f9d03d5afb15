"""What the dashboard remembers: written atomically, and checked when read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import pytest

from tcpconntop.settings.ui_state import FILE, MAX_FILTERS, UiState, add_filter, load_ui_state, save_ui_state

CHOSEN = UiState(
    theme="nord", group="process", sort="fail:asc", window="5m", delay=2.0, panes=False, pane="Timeline",
    columns=("daddr", "p99"), dns=True, filters=("dport=443", 'comm="\N{PILE OF POO}"'),
)  # fmt: skip


def test_saved_choices_are_loaded_again_and_only_this_user_may_read_them(tmp_path):
    folder = tmp_path / "state" / "tcpconntop"
    assert save_ui_state(folder, CHOSEN) == ""
    assert load_ui_state(folder) == (CHOSEN, "")
    assert save_ui_state(folder, UiState()) == ""
    assert load_ui_state(folder) == (UiState(), "")
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


def test_a_missing_file_is_not_an_error(tmp_path):
    assert load_ui_state(tmp_path) == (UiState(), "")
    assert load_ui_state(tmp_path / "nowhere") == (UiState(), "")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[1]", b"17", b"[" * 100_000])
def test_a_broken_file_is_reported_in_one_line(tmp_path, text):
    (tmp_path / FILE).write_bytes(text)
    state, notice = load_ui_state(tmp_path)
    assert state == UiState()
    assert notice.startswith(f"cannot use what was remembered: {tmp_path / FILE}: ")
    assert notice.isprintable()


@pytest.mark.parametrize("name", asdict(CHOSEN))
@pytest.mark.parametrize("value", [{"a": 1}, [1], 1e999, "x", True, None, 3, ["a"], []])
def test_a_value_of_the_wrong_type_is_ignored(tmp_path, name, value):
    (tmp_path / FILE).write_text(json.dumps({name: value, "later": 1, "window": "10s"} | {name: value}))
    state, notice = load_ui_state(tmp_path)
    assert notice == ""
    kinds = {"delay": (float, int, type(None)), "dns": (bool, type(None))}
    assert isinstance(getattr(state, name), kinds.get(name, type(getattr(CHOSEN, name))))
    if name != "window":
        assert state.window == "10s"  # the other fields are still used


def test_a_file_that_cannot_be_read_is_reported(tmp_path):
    (tmp_path / FILE).mkdir()
    assert "cannot use" in load_ui_state(tmp_path)[1]


@pytest.mark.parametrize("blocked", ["file", "/proc/self"])
def test_a_folder_that_cannot_be_written_is_reported_in_one_line(tmp_path, blocked):
    (tmp_path / "file").touch()
    notice = save_ui_state(tmp_path / blocked / "x", CHOSEN)
    assert notice.startswith("cannot remember your choices: ")
    assert notice.isprintable()


def test_a_failed_write_keeps_the_old_file(tmp_path):
    save_ui_state(tmp_path, CHOSEN)
    (tmp_path / f".{FILE}.{os.getpid()}").mkdir()  # in the place of the temporary file
    assert "cannot remember" in save_ui_state(tmp_path, UiState())
    assert load_ui_state(tmp_path)[0] == CHOSEN


def test_each_filter_is_listed_once_and_the_oldest_are_dropped():
    assert add_filter(("a", "b", "c"), "a") == ("b", "c", "a")
    assert add_filter(("a",), "") == ("a",)
    many = ()
    for number in range(MAX_FILTERS * 2):
        many = add_filter(many, str(number))
    assert len(many) == MAX_FILTERS
    assert many[-1] == str(MAX_FILTERS * 2 - 1)
