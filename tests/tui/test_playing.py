"""Going back and forth: in a recording exactly, live within what is kept; the header says where one is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from support import feed, flow, notes, snapshot, still, until
from textual.widgets import Input, Static

from tcpconntop.core.types import SECOND_NS
from tcpconntop.recording.files import RotatingFile
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay
from tcpconntop.recording.writer import RecordingWriter
from tcpconntop.sources.synthetic import SCENARIO, Synthetic
from tcpconntop.tui.app import Dashboard

pytestmark = pytest.mark.xdist_group("playing")  # one worker: it makes the recording once

BEGAN_NS = 36_000 * SECOND_NS
SECONDS = 150


class Past(Synthetic):
    """Records of two and a half minutes that were at ten o'clock."""

    def __init__(self) -> None:
        self.clock_ns = BEGAN_NS
        super().__init__(SCENARIO[:3], 7, lambda: self.clock_ns, "live", ())

    def read(self, timeout_s: float):
        self.clock_ns += SECOND_NS // 2 if timeout_s else 0
        return super().read(timeout_s)

    def clock_s(self) -> float:
        return self.clock_ns / SECOND_NS


def recorded(folder: Path, seconds: int = SECONDS) -> bytes:
    source = Past()
    recorder = RecordingWriter(source, RotatingFile(folder / "r"), clock_s=source.clock_s)
    for _ in range(seconds * 2):
        recorder.read(0.5)
    recorder.close()
    return (folder / "r").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("playing"))


class Played:
    """A dashboard over a recording that stands still at first."""

    def __init__(self, data: bytes, size=(120, 36)):
        self.source = Replay(RecordingReader([(Path("r"), io.BytesIO(data))]))
        self.source.set_speed(1.0, paused=True)
        self.app = Dashboard(lambda: self.source, ask=lambda _: "", read_process_info=lambda _: None)
        self.size = size

    async def __aenter__(self):
        self._test = self.app.run_test(size=self.size, notifications=True)
        self.pilot = await self._test.__aenter__()
        await until(self.pilot, lambda: self.app.screen.view is not None)
        return self

    async def __aexit__(self, *error):
        await self._test.__aexit__(*error)

    def header(self):
        return str(self.app.screen.header.render())

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def shows(self, text):
        await until(self.pilot, lambda: text in self.header())

    def attempts(self):
        return self.app.screen.view.snapshot.ledger.attempts


async def test_arrows_go_back_and_forth_and_the_same_place_has_the_same_figures(whole):
    async with Played(whole) as played:
        await played.shows("‖ 0:00/2:30")
        assert played.attempts() == 0
        await played.press("right", "right", "right")
        await played.shows("10:00:30 UTC  recording  ‖ 0:30/2:30")
        then = played.attempts()
        assert then > 0
        await played.press("L")
        await played.shows("‖ 1:30/2:30")
        assert played.attempts() > then
        await played.press("H")
        await played.shows("‖ 0:30/2:30")
        assert played.attempts() == then
        await played.press("full_stop")
        await played.shows("‖ 0:31/2:30")
        await played.press("comma")
        await played.shows("‖ 0:30/2:30")
        assert played.attempts() == then


async def test_the_ends_are_ends_and_said_to_be(whole):
    async with Played(whole) as played:
        await played.press("left")
        assert notes(played.app) == ["this is the beginning"]
        await played.press("dollar_sign")
        await played.shows("recording: ended  ■ 2:30/2:30")
        await played.press("right")
        assert notes(played.app) == ["this is the end"]
        await played.press("space")
        assert notes(played.app) == ["this is the end: ← goes back"]
        await played.press("left")
        await played.shows("‖ 2:20/2:30")  # it goes on from behind the end
        assert notes(played.app) == []
        await played.press("0")
        await played.shows("‖ 0:00/2:30")
        assert played.attempts() == 0


async def test_a_pause_halts_the_recording_and_lets_it_go_on(whole):
    """GIVEN a halted recording WHEN space is pressed THEN it plays, as fast as it is told."""
    async with Played(whole) as played:
        await played.shows("‖ 0:00/2:30")
        await played.press(*["right_curly_bracket"] * 9)
        await played.shows("‖ 0:00/2:30 max")
        await played.press("right_curly_bracket", "left_curly_bracket")
        await played.shows("‖ 0:00/2:30 ×100")
        await played.press("space")
        await played.shows("■ 2:30/2:30")
        assert played.attempts() == played.source.ledger().attempts > 500


async def test_comma_and_full_stop_halt_what_plays(whole):
    async with Played(whole) as played:
        await played.press("L", "left_curly_bracket", "left_curly_bracket", "left_curly_bracket", "space")
        await played.shows("▶ 1:00/2:30 ×0.1")
        await played.press("comma")
        await played.shows("‖ 0:59/2:30 ×0.1")


async def test_a_time_of_day_can_be_gone_to(whole):
    async with Played(whole) as played:
        await played.shows("‖ 0:00")
        await played.press("t", *"10:01:15", "enter")
        await played.shows("10:01:15 UTC  recording  ‖ 1:15/2:30")
        await played.press("t", *"50%", "enter")
        await played.shows("‖ 1:15/2:30")
        await played.press("t", *"-15s", "enter")
        await played.shows("‖ 1:00/2:30")
        await played.press("t", *"11:00", "enter")
        hint = played.app.screen.query_one(Static)
        assert str(hint.render()) == "choose a time from 10:00:00 to 10:02:30"
        assert hint.has_class("-error")
        await played.press("backspace")
        assert not hint.has_class("-error")
        await played.press("escape")
        assert "‖ 1:00/2:30" in played.header()
        await played.press("t", "enter")  # nothing was written: nothing happens
        assert not played.app.screen.query(Input).filter("Goto Input")
        assert "‖ 1:00/2:30" in played.header()


async def test_the_selected_row_and_the_screen_of_a_process_stay_where_one_goes(whole):
    async with Played(whole) as played:
        await played.press("L")
        await played.shows("‖ 1:00")
        await played.press("home")
        selected = played.app.screen.table.selected
        await played.press("left")
        await played.shows("‖ 0:50")
        assert played.app.screen.table.selected == selected
        await played.press("enter")
        await until(played.pilot, lambda: "pid" in played.header())
        await played.press("right")
        await played.shows("‖ 1:00")
        assert "pid" in played.header()


async def test_a_torn_recording_and_an_empty_one_can_be_walked_through(whole, tmp_path):
    async with Played(whole[: len(whole) // 2]) as played:
        await played.press("right", "dollar_sign")
        await played.shows("■ ")
        assert "⚠ 1" in played.header()
        await played.press("0")
        await played.shows("‖ 0:00")
        assert "⚠" not in played.header()  # as far as it is played
        await played.press("right")
        await played.shows("‖ 0:10")
        assert played.attempts() > 0
    for data in (recorded(tmp_path, seconds=0), whole[: whole.index(b"\xf5TCT", 100)]):
        (tmp_path / "r").unlink(missing_ok=True)
        async with Played(data) as played:
            await played.press("dollar_sign")
            await played.shows("■ 0:00/0:00")
            for key in ("left", "right", "0", "dollar_sign", "comma", "full_stop", "space"):
                await played.press(key)
                await played.shows("■ 0:00/0:00")
            assert notes(played.app) == ["this is the end: ← goes back"]


async def test_the_place_stays_on_a_narrow_terminal_and_so_do_its_keys(whole):
    async with Played(whole, size=(80, 24)) as played:
        await played.press("right")
        await played.shows("‖ 0:10/2:30")
        assert "by destination · 1m · trouble▼" in played.header()
        footer = str(played.app.screen.footer.render())
        assert "← → seek" in footer
        assert "{ } speed" in footer
        await played.press("space")
        footer = str(played.app.screen.footer.render())
        assert " space pause  ← → seek  N B spike " in footer
        await played.press("space")


# Live


def line(app):
    return str(app.screen.header.render())


async def test_live_the_arrows_look_back_within_what_is_kept():
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await pilot.press("left", "right", "0", "dollar_sign", "t")  # nothing is there yet: no harm
        await feed(pilot, snapshot(90, flows=[flow("curl", 7, rate_hz=5)]))
        assert "seek" not in str(app.screen.footer.render())
        await pilot.press("right")
        assert "live" in line(app)
        await pilot.press("left", "left")
        await pilot.pause()
        assert "10:01:10 UTC, 20s ago" in line(app)
        await pilot.press("right")
        await pilot.pause()
        assert "10:01:20 UTC, 10s ago" in line(app)
        await pilot.press("0")
        await pilot.pause()
        assert "10:00:10 UTC, 1m20s ago" in line(app)
        await pilot.press("left")
        assert notes(app) == ["this is the oldest moment"]
        await pilot.press("t", *"10:01:00", "enter")
        await pilot.pause()
        assert "10:01:00 UTC, 30s ago" in line(app)
        await pilot.press("dollar_sign")
        await pilot.pause()
        assert "live" in line(app)
        assert "ago" not in line(app)
        await pilot.press("right")
        assert notes(app) == ["this is the newest moment"]
        await pilot.press("right_curly_bracket")
        assert notes(app) == ["only a recording can be played faster or slower"]
        await pilot.press("space", "right")
        assert notes(app) == ["this is the newest moment: space resumes"]
        assert "paused 0s" in line(app)
        await pilot.press("space")
        await pilot.pause()
        assert "live" in line(app)


async def test_a_key_of_playing_that_changes_nothing_says_why(whole):
    """GIVEN an end of the recording, or of its speeds WHEN a key leads nowhere THEN a note says so."""
    async with Played(whole) as played:
        await played.shows("‖ 0:00/2:30")
        await played.press("0")
        assert notes(played.app) == ["this is the beginning"]
        await played.press(*["right_curly_bracket"] * 10)
        assert notes(played.app) == ["this is the highest speed"]
        await played.press(*["left_curly_bracket"] * 13)
        assert notes(played.app) == ["this is the lowest speed"]
        await played.press("dollar_sign")
        await played.shows("■ 2:30/2:30")
        assert notes(played.app) == []
        await played.press("dollar_sign")
        assert notes(played.app) == ["this is the end"]
        for key in ("left_curly_bracket", "right_curly_bracket"):
            await played.press(key)
            assert notes(played.app) == ["this is the end: ← goes back"]
        await played.press("left")
        await played.shows("‖ 2:20/2:30 ×0.")  # as slow as before
