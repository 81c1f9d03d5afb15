"""What is remembered: written as a whole or not at all, and never believed."""

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


def test_given_choices_when_saved_then_they_are_there_the_next_time_for_this_user_alone(tmp_path):
    folder = tmp_path / "state" / "tcpconntop"
    assert save_ui_state(folder, CHOSEN) == ""
    assert load_ui_state(folder) == (CHOSEN, "")
    assert save_ui_state(folder, UiState()) == ""
    assert load_ui_state(folder) == (UiState(), "")
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


def test_given_nothing_remembered_then_nothing_is_wrong(tmp_path):
    assert load_ui_state(tmp_path) == (UiState(), "")
    assert load_ui_state(tmp_path / "nowhere") == (UiState(), "")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[1]", b"17", b"[" * 100_000])
def test_given_a_broken_file_then_it_is_not_used_and_one_line_says_so(tmp_path, text):
    (tmp_path / FILE).write_bytes(text)
    remembered, notice = load_ui_state(tmp_path)
    assert remembered == UiState()
    assert notice.startswith(f"what was remembered is not used: {tmp_path / FILE}: ")
    assert notice.isprintable()


@pytest.mark.parametrize("name", asdict(CHOSEN))
@pytest.mark.parametrize("value", [{"a": 1}, [1], 1e999, "x", True, None, 3, ["a"], []])
def test_given_a_value_of_any_kind_then_what_is_loaded_has_the_kind_that_it_must_have(tmp_path, name, value):
    (tmp_path / FILE).write_text(json.dumps({name: value, "later": 1, "window": "10s"} | {name: value}))
    remembered, notice = load_ui_state(tmp_path)
    assert notice == ""
    kinds = {"delay": (float, int, type(None)), "dns": (bool, type(None))}
    assert isinstance(getattr(remembered, name), kinds.get(name, type(getattr(CHOSEN, name))))
    if name != "window":
        assert remembered.window == "10s"  # one field that is wrong does not cost the others


def test_given_a_file_that_cannot_be_read_then_that_is_said(tmp_path):
    (tmp_path / FILE).mkdir()
    assert "not used" in load_ui_state(tmp_path)[1]


@pytest.mark.parametrize("blocked", ["file", "/proc/self"])
def test_given_nowhere_to_write_then_one_line_says_so_and_nothing_is_raised(tmp_path, blocked):
    (tmp_path / "file").touch()
    notice = save_ui_state(tmp_path / blocked / "x", CHOSEN)
    assert notice.startswith("your choices could not be remembered: ")
    assert notice.isprintable()


def test_given_a_disk_that_refuses_then_what_was_remembered_before_is_still_there(tmp_path):
    save_ui_state(tmp_path, CHOSEN)
    (tmp_path / f".{FILE}.{os.getpid()}").mkdir()  # stands where the draft would be
    assert "could not be remembered" in save_ui_state(tmp_path, UiState())
    assert load_ui_state(tmp_path)[0] == CHOSEN


def test_given_filters_when_used_again_then_each_is_listed_once_and_the_oldest_go():
    assert add_filter(("a", "b", "c"), "a") == ("b", "c", "a")
    assert add_filter(("a",), "") == ("a",)
    many = ()
    for number in range(MAX_FILTERS * 2):
        many = add_filter(many, str(number))
    assert len(many) == MAX_FILTERS
    assert many[-1] == str(MAX_FILTERS * 2 - 1)
