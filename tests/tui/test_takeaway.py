"""`y` and `e`: what is taken away is what is seen, and nothing that is there already is written over."""

from __future__ import annotations

import json
import os
from xml.etree import ElementTree

import pytest
from support import Running, feed, flow, notes, snapshot, still, until

from tcpconntop.outputs.document import view_document
from tcpconntop.outputs.report.report import report_text
from tcpconntop.tui.export import REPORT_ROWS, copied_note, save
from tcpconntop.tui.text.wrap import wrap_paths

FILES = {"csv": "a\r\n", "json": "{}\n"}


async def test_copy_takes_the_selected_row_and_says_so():
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await pilot.press("y")
        await feed(pilot, snapshot(20))
        await pilot.press("P", "y")  # the row that has the sign
        await pilot.pause()
        assert app.clipboard.startswith(
            "DESTINATION 203.0.113.80  PORT 443  PROCESS curl  TROUBLE ?  CONN/S "
        )
        assert any(" ".join(app.clipboard.split())[:40] in note.replace("\n", " ") for note in notes(app))


async def test_a_name_with_markup_is_copied_and_shown_as_it_is():
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(5, flows=[flow("[red]x[/]\x1b", 7)]))
        await pilot.press("down", "y")
        await pilot.pause()
        assert "PROCESS [red]x[/]·" in app.clipboard
        assert any("[red]x[/]·" in note for note in notes(app))


async def test_export_writes_what_is_seen_in_three_forms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await pilot.press("e")
        await pilot.pause()
        assert not list(tmp_path.iterdir())
        assert any("nothing to show yet" in note for note in notes(app))
        await feed(pilot, snapshot(20))
        await pilot.press("comma", "slash", *"curl", "enter", "e")
        await until(pilot, lambda: any("wrote" in note for note in notes(app)))
        view = app.screen.view
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"tcpconntop-19700101-100020.{kind}" for kind in ("csv", "json", "md", "svg")]
    csv_file, json_file, report_file, svg_file = sorted(tmp_path.iterdir())
    assert json.loads(json_file.read_text()) == view_document(view)
    assert len(json.loads(json_file.read_text())["rows"]) == 1
    assert json.loads(json_file.read_text())["filters"]["view"] == "curl"
    assert report_file.read_text() == report_text(view, REPORT_ROWS) + "\n"
    assert "; only curl\n" in report_file.read_text()
    assert csv_file.read_bytes().count(b"\r\n") == 2
    assert ElementTree.parse(svg_file).getroot().tag.endswith("svg")


async def test_a_note_is_in_no_picture(tmp_path, monkeypatch):
    """GIVEN a note over the table WHEN the screen is exported THEN the picture has the table, without it."""
    monkeypatch.chdir(tmp_path)
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(20))
        app.show_note("look-at-this-note")
        await until(pilot, lambda: notes(app))
        await pilot.press("e")
        await until(pilot, lambda: any("wrote" in note for note in notes(app)))
    picture = next(tmp_path.glob("*.svg")).read_text()
    assert "DESTINATION" in picture
    assert "look-at-this-note" not in picture


def test_files_are_never_written_over(tmp_path):
    said = [save("x", FILES, [tmp_path]) for _ in range(2)]
    (tmp_path / "x-3.json").write_text("mine")
    said.append(save("x", FILES, [tmp_path]))
    assert said == [f"wrote {name}.* (csv, json) in {tmp_path}" for name in ("x", "x-2", "x-4")]
    assert (tmp_path / "x-3.json").read_text() == "mine"
    assert not (tmp_path / "x-3.csv").exists()
    assert (tmp_path / "x.csv").read_bytes() == b"a\r\n"


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path):
    (tmp_path / "x.csv").symlink_to(tmp_path / "elsewhere")
    assert save("x", FILES, [tmp_path]).startswith("wrote x-2.* ")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_refuses_is_named_and_the_next_one_taken(tmp_path):
    nowhere, other = tmp_path / "no" / "where", tmp_path / "state" / "exports"
    said = save("x", FILES, [nowhere, other])
    assert said.startswith(f"wrote x.* (csv, json) in {other}; not in {nowhere}: ")
    assert "\n" not in said


@pytest.mark.parametrize("blocked", ["file", "proc"])
def test_where_nothing_can_be_written_the_reason_is_one_line(tmp_path, blocked):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" if blocked == "file" else tmp_path.__class__("/proc/self")
    with pytest.raises(OSError, match="nothing was written") as caught:
        save("x", FILES, [folder])
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_disk_that_is_full_leaves_no_half_of_it(tmp_path):
    too_much = {"csv": "a", "json": "b", "svg": "\ud800"}  # cannot be encoded: fails while it is written
    with pytest.raises(UnicodeEncodeError):
        save("x", too_much, [tmp_path])
    assert not list(tmp_path.iterdir())


def test_only_its_owner_may_read_an_export(tmp_path):
    before = os.umask(0)
    try:
        save("x", FILES, [tmp_path])
    finally:
        os.umask(before)
    assert (tmp_path / "x.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("size", [(40, 12), (80, 24)])
async def test_the_note_of_a_copied_row_fits_on_the_screen(size):
    """GIVEN a small terminal WHEN a row is copied THEN its note is whole, and says what it leaves out."""
    async with Running(size=size) as run:
        await run.press("m", "down", "y")
        await until(run.pilot, lambda: notes(run.app))
        toast = run.screen.query_one("Toast")
        assert run.screen.region.contains_region(toast.region)
        assert notes(run.app)[0].startswith("sent to the terminal's clipboard: DESTINATION ")
        assert notes(run.app)[0].endswith("…") is (len(run.app.clipboard) > len(notes(run.app)[0]) - 34)


def test_a_path_is_broken_between_its_names_alone():
    said = "wrote x-20261129-130023.* (csv, md) in /tmp/w/walk.d/state-15/tcpconntop/exports; not in /tmp: no"
    text = wrap_paths(said, 30)
    assert text.splitlines() == [
        "wrote x-20261129-130023.*",
        "(csv, md) in /tmp/w/walk.d/",
        "state-15/tcpconntop/exports;",
        "not in /tmp: no",
    ]
    assert wrap_paths(said, 200) == said


@pytest.mark.parametrize(
    ("variables", "in_tmux"),
    [({"TMUX": "/tmp/x,1,0"}, True), ({"TERM": "tmux-256color"}, True), ({"TERM": "xterm"}, False)],
)
def test_a_note_promises_nothing_of_a_clipboard_that_does_not_answer(variables, in_tmux, monkeypatch):
    monkeypatch.delenv("TMUX", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    note = copied_note("a  b\nc")
    assert note.startswith("sent to the terminal's clipboard: a b c")
    assert ("set-clipboard on" in note) is in_tmux
