"""Random sequences of records, pauses and switches: the window equals figures computed from scratch."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some
from records import random_records
from test_rolling import Story, assert_right

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.core.wire import Outcome

STEPS = some.lists(
    some.tuples(
        some.sampled_from([0.0, 0.2, 1.0, 7.0, 31.0, 65.0, 290.0, 1_000.0]),  # how much later
        some.integers(0, 6),  # how many records
        some.none() | some.sampled_from(list(WINDOWS)),  # the window that is switched to
    ),
    max_size=40,
)


def live(story: Story, steps) -> None:
    for step, (later_s, n, window) in enumerate(steps):
        # Records end within 0.1 s of this: each step's end after those of the steps before, as a source's do.
        end_ns = int((story.now + later_s) * SECOND_NS) + step * SECOND_NS // 10
        story.tell(random_records(n, 7, step, end_ns), later_s)
        if window is not None:
            story.window.set_window(WINDOWS[window])


@given(STEPS, some.sampled_from(list(WINDOWS.values())))
@settings(max_examples=40)
def test_given_any_sequence_then_the_window_equals_recomputed_figures(steps, window_s):
    story = Story(window_s)
    live(story, steps)
    assert_right(story)


@given(STEPS, some.integers(0, 6))
@settings(max_examples=40)
def test_given_any_sequence_when_keys_are_folded_then_no_count_is_lost(steps, max_keys):
    story = Story(60, max_keys)
    live(story, steps)
    for window_s in WINDOWS.values():
        story.window.set_window(window_s)
        events, state = story.inside(), story.window.state()
        ok = events["outcome"] == Outcome.OK
        assert len(state.keys) <= max_keys + 1
        assert state.stats["outcomes"].sum() == len(events)
        assert state.stats["syn_retransmits"].sum() == events["syn_retransmits"].sum()
        assert state.stats["sum_ns"].sum() == (events["end_ns"] - events["begin_ns"])[ok].sum()
        assert state.stats["max_ns"].max() == max((events["end_ns"] - events["begin_ns"])[ok], default=0)
        assert state.latency.counts.sum() == ok.sum()
        assert state.errors.counts.sum() == (~ok).sum()
