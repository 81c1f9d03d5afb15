"""Recordings: a replay shows what was seen live, and damage is reported."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from recordings import BEGAN_NS, SECOND_NS, Scenario, events_of, record, recording, replayed

from tcpconntop.core.errors import FatalError
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import EVENT
from tcpconntop.outputs.document import view_document
from tcpconntop.recording.blocks import Block
from tcpconntop.recording.frames import FrameKind, file_prefix
from tcpconntop.recording.replay import Replay

TRIES = 60
TRIES_LONG = 400


def shown(snapshot: Snapshot) -> dict[str, object]:
    """Everything that a snapshot shows, except where it comes from."""
    document = view_document(make_view(snapshot, ViewSpec("process+dest")))
    return {**document, "source": None}


@pytest.mark.parametrize(
    ("codec", "window_s"),
    [
        ("zlib", None),
        *(
            pytest.param(codec, window_s, marks=pytest.mark.long)
            for codec, window_s in product(("zlib", "none", "zstd"), (10, 60, None))
            if (codec, window_s) != ("zlib", None)
        ),
    ],
)
def test_a_replay_shows_what_was_seen_live(tmp_path: Path, window_s: float | None, codec: str) -> None:
    """GIVEN an engine that runs while recording WHEN it is replayed THEN each document is the same."""
    if codec == "zstd":
        pytest.importorskip("zstandard")
    seen = record(tmp_path / "r", Scenario(23, silent=range(12, 19)), codec=codec, window_s=window_s)
    again = replayed(tmp_path / "r", window_s=window_s)
    assert len(seen) == 24
    assert [shown(snapshot) for snapshot in again] == [shown(snapshot) for snapshot in seen]
    assert shown(again[-1])["attempts"] > 1000
    assert again[-1].ledger == seen[-1].ledger
    assert again[-1].units == seen[-1].units
    assert np.array_equal(again[-1].window.recent.records, seen[-1].window.recent.records)


def test_a_replay_is_labelled_as_a_recording(tmp_path: Path) -> None:
    seen = record(tmp_path / "r")
    info = replayed(tmp_path / "r")[-1].info
    assert (info.label, info.live) == ("recording", False)
    assert (info.host, info.kernel, info.notes) == (seen[-1].info.host, seen[-1].info.kernel, ())


def check_damaged(data: bytes, all_events: np.ndarray) -> None:
    """Read damaged data: it must raise only FatalError, and no loss may be silent."""
    try:
        damaged = recording(data)
    except FatalError:
        return  # the prefix or the header is damaged
    events = events_of(damaged)
    assert {event.tobytes() for event in events} <= {event.tobytes() for event in all_events}
    gone = len(all_events) - len(events)
    assert damaged.missing <= gone
    if not damaged.truncated:
        assert damaged.missing == gone
    if gone:
        assert damaged.notes
    source = Replay(recording(data), None)
    while not source.ended:
        source.read(3600)
    assert source.ledger().lost == damaged.missing
    assert source.ledger().in_flight == 0


def test_a_truncated_recording_is_never_a_traceback_or_a_silent_loss(whole: bytes, long: bool) -> None:
    """GIVEN a recording WHEN it is cut anywhere THEN what is left is right and the cut is reported."""
    all_events = events_of(recording(whole))
    choose = random.Random(1)
    for cut in [choose.randrange(len(whole)) for _ in range(TRIES_LONG if long else TRIES)]:
        check_damaged(whole[:cut], all_events)


def test_a_truncated_recording_reports_how_many_records_its_last_block_had(whole: bytes) -> None:
    """GIVEN a cut in the last block's payload, or in its head WHEN read THEN a note has what is known."""
    at = whole.rindex(b"\xf5TCT", 0, whole.rindex(b"\xf5TCT"))
    in_payload, in_head = recording(whole[: at + 100]), recording(whole[: at + 30])
    missing = len(events_of(recording(whole))) - len(events_of(in_payload))
    assert missing > 0
    no_end = "the recording has no end: it is still being written, or was cut off; "
    assert in_payload.notes == (f"{no_end}{missing} connects are missing",)
    assert len(events_of(in_head)) > 0
    assert in_head.notes == (f"{no_end}the last second may be missing",)


def test_a_damaged_recording_is_never_a_traceback_or_a_silent_loss(whole: bytes, long: bool) -> None:
    """GIVEN a recording WHEN bytes are changed THEN what is left is right and what is missing is counted."""
    all_events = events_of(recording(whole))
    choose = random.Random(2)
    tries = TRIES_LONG if long else TRIES
    for n_bytes in [1] * tries + [5] * tries + [50] * (tries // 4):
        data = bytearray(whole)
        for _ in range(n_bytes):
            data[choose.randrange(len(data))] ^= choose.randrange(1, 256)
        check_damaged(bytes(data), all_events)


def test_a_damaged_block_is_counted_as_lost(whole: bytes) -> None:
    """GIVEN a block that is damaged WHEN played THEN totals are as recorded, and rows and losses add up."""
    good = replayed(whole)[-1]
    data = bytearray(whole)
    data[len(whole) // 2] ^= 1
    bad = replayed(bytes(data))[-1]
    assert (bad.ledger.attempts, bad.ledger.outcomes) == (good.ledger.attempts, good.ledger.outcomes)
    rows = int(make_view(bad, ViewSpec()).metrics["count"].sum())
    assert 0 < bad.ledger.lost == good.ledger.attempts - rows
    assert bad.info.notes == (
        f"the recording is damaged in one place: {bad.ledger.lost} connects are missing",
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not a recording"),
        (b"#!/bin/sh\necho hello\n", "is not a recording"),
        (b"TCPCONN\n\x02\x00\x00\x00", "newer tcpconntop"),
        (b"TCPCONN\n\x01\x00\x00\x00", "header is damaged"),
    ],
)
def test_other_files_are_an_error_in_one_line(data: bytes, says: str) -> None:
    with pytest.raises(FatalError, match=says) as refused:
        recording(data)
    assert refused.value.exit_code == 1
    assert "\n" not in str(refused.value)


def as_recorded_by(layout: np.dtype, events: np.ndarray, whole: bytes) -> bytes:
    """Return a recording of the same records by a program with another record layout."""
    header = recording(whole).header
    records = np.zeros(len(events), layout)
    for name in set(layout.names) & set(events.dtype.names):
        records[name] = events[name]
    now_ns = BEGAN_NS + 60 * SECOND_NS
    block = Block(events, ((len(events), now_ns),), now_ns, 0, Ledger())
    frame = block.to_frame(FrameKind.BLOCK, 0, 0)
    payload = frame.payload[: -events.nbytes] + records.tobytes()
    frame = replace(frame, payload=payload, raw_bytes=len(payload))
    first = header.to_frame(0)
    document = json.loads(first.payload)
    document["record"] = {"bytes": layout.itemsize, "fields": layout.descr}
    text = json.dumps(document).encode()
    return file_prefix() + replace(first, payload=text, raw_bytes=len(text)).encode() + frame.encode()


def test_records_with_more_or_fewer_fields_can_be_read(whole: bytes) -> None:
    """GIVEN a layout with one new and one missing field WHEN read THEN the other fields are unchanged."""
    events = events_of(recording(whole))
    fields = [part for part in EVENT.descr if part[0] != "uid"]
    layout = np.dtype([*fields[:3], ("mss", "<u2"), *fields[3:]])
    found = events_of(recording(as_recorded_by(layout, events, whole)))
    expected = events.copy()
    expected["uid"] = 0
    assert events["uid"].any()
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("change", [("end_ns", "<u4"), ("daddr", "|V4"), ("outcome", "|O"), None])
def test_records_with_an_incompatible_layout_are_an_error(
    whole: bytes, change: tuple[str, str] | None
) -> None:
    fields = dict(EVENT.descr)
    if change:
        fields[change[0]] = change[1]
    else:
        del fields["outcome"]
    data = as_recorded_by(np.dtype(list(fields.items())), events_of(recording(whole))[:0], whole)
    with pytest.raises(FatalError, match="incompatible layout"):
        recording(data)


@pytest.mark.parametrize(
    "change",
    [
        {"wall_offset_ns": -(1 << 62)},
        {"now_ns": 1 << 63},
        {"wall_offset_ns": 1 << 63},
        {"reads": ((3, BEGAN_NS),)},
        {"reads": ((-1, BEGAN_NS), (1, BEGAN_NS))},
        {"reads": ((0, BEGAN_NS + 61 * SECOND_NS),)},
        {"ledger": Ledger(outcomes=(1, 2))},
    ],
    ids=str,
)
def test_a_block_that_contradicts_itself_is_damage(whole: bytes, change: dict[str, object]) -> None:
    """GIVEN right checksums around impossible values WHEN read THEN the block is skipped and counted."""
    block = replace(Block(np.empty(0, EVENT), (), BEGAN_NS, 0, Ledger()), **change)
    data = (
        file_prefix()
        + recording(whole).header.to_frame(0).encode()
        + block.to_frame(FrameKind.BLOCK, 1, 0).encode()
    )
    found = recording(data)
    assert list(found.recorded_reads()) == []
    assert found.damaged == 1


def test_a_missing_compression_package_is_an_error_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN a recording with zstd WHEN replayed without that package THEN it does not count as damage."""
    pytest.importorskip("zstandard")
    record(tmp_path / "r", Scenario(1), codec="zstd")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(FatalError, match=r"pip install 'tcpconntop\[zstd\]'"):
        replayed(tmp_path / "r")


def test_text_of_a_recording_is_safe_to_print(whole: bytes) -> None:
    header = recording(whole).header
    header = replace(header, filters="\x1b[2J", info=replace(header.info, host="a\nb", notes=("\x1b]0;x",)))
    source = Replay(recording(file_prefix() + header.to_frame(0).encode()), None)
    assert source.info.host == "a·b"
    assert source.info.notes[:2] == ("recorded with ·[2J", "·]0;x")


# Rotation
