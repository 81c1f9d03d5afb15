"""The store of the state: it tells the engine and the screen, and makes early moves later."""

from __future__ import annotations

from dataclasses import replace

from states import live, recorded, seconds_shown

from tcpconntop.core.window.snapshot import RECORDING
from tcpconntop.tui.state import NOTHING_YET, DashboardState
from tcpconntop.tui.state_store import StateStore


class FakeDisplay:
    """Records what is shown."""

    def __init__(self):
        self.shown = []

    def show_state(self):
        self.shown.append("state")

    def show_note(self, note):
        self.shown.append(note)

    def clear_notes(self):
        self.shown.append("clear")


def test_the_store_shows_each_new_state_and_each_note():
    """GIVEN a store WHEN changes are applied THEN the newest state is shown, and notes of the old one go."""
    display, followed = FakeDisplay(), []
    store = StateStore(DashboardState("1m", 1.0), followed.append, display)
    store.travel(lambda travel: travel.toggle_pause())
    assert display.shown == [NOTHING_YET]
    assert followed == []
    store.set(live(30))
    assert followed == [store.state]
    store.set(store.state)
    assert display.shown == [NOTHING_YET, "state"]
    store.travel(lambda travel: travel.seek(-10))
    store.travel(lambda travel: travel.change_speed(1))
    assert display.shown[2:] == ["clear", "state", "only a recording can be played faster or slower"]
    assert seconds_shown(store.state) == 20


def test_a_move_in_a_recording_before_its_first_snapshot_is_made_then():
    """GIVEN a recording that has shown nothing yet WHEN the end is asked for THEN it goes there at once."""
    display, first = FakeDisplay(), recorded()
    store = StateStore(
        replace(first, latest=None, info=replace(first.info, label=RECORDING)), lambda _: None, display
    )
    store.travel(lambda travel: travel.seek_to_end())
    assert display.shown == []
    store.set(replace(store.state, latest=first.latest))
    assert store.state.seeking.to_ns == first.playback.end_ns
