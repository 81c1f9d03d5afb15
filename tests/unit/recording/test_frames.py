"""The framing: every frame is found, and every damage is detected."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tcpconntop.recording.frames import (
    MARKER,
    PREFIX_BYTES,
    Damage,
    Frame,
    FrameKind,
    FrameScanner,
    file_prefix,
    format_version,
)

payloads = st.lists(st.binary(max_size=200) | st.just(MARKER * 30), min_size=1, max_size=6)


def frames_of(payloads: Iterable[bytes]) -> list[Frame]:
    return [
        Frame(FrameKind.BLOCK, 1, len(payload), 3, 3 * i, 5, 9, 1, payload)
        for i, payload in enumerate(payloads)
    ]


def scan(data: bytes, piece: int = 1 << 20) -> list[Frame | Damage]:
    scanner = FrameScanner()
    found = [
        item for start in range(0, len(data), piece) for item in scanner.feed(data[start : start + piece])
    ]
    return [*found, *scanner.finish()]


@given(payloads, st.integers(1, 90))
def test_frames_are_found_in_pieces_of_any_size(payloads: list[bytes], piece: int) -> None:
    frames = frames_of(payloads)
    assert scan(b"".join(frame.encode() for frame in frames), piece) == frames


@given(payloads, st.data())
def test_a_truncated_end_loses_only_the_last_frame(payloads: list[bytes], data: st.DataObject) -> None:
    """GIVEN frames WHEN the data ends inside one THEN the others are intact, and it is reported."""
    frames = frames_of(payloads)
    raw = b"".join(frame.encode() for frame in frames)
    cut = data.draw(st.integers(0, len(raw)))
    ends = [len(b"".join(frame.encode() for frame in frames[:n])) for n in range(len(frames) + 1)]
    whole = max(n for n, end in enumerate(ends) if end <= cut)
    found = scan(raw[:cut])
    assert found[:whole] == frames[:whole]
    assert [isinstance(item, Damage) and item.truncated for item in found[whole:]] == [True] * (
        cut not in ends
    )


@given(payloads, st.data())
def test_a_flipped_bit_loses_one_frame(payloads: list[bytes], data: st.DataObject) -> None:
    """GIVEN frames WHEN a bit of one is flipped THEN all others are found, and one damage in its place."""
    frames = frames_of([*payloads, b"the last one"])
    raw = [frame.encode() for frame in frames]
    hit = data.draw(st.integers(0, len(payloads) - 1))
    bit = data.draw(st.integers(0, 8 * len(raw[hit]) - 1))
    broken = bytearray(raw[hit])
    broken[bit // 8] ^= 1 << bit % 8
    found = scan(b"".join([*raw[:hit], bytes(broken), *raw[hit + 1 :]]))
    assert [item for item in found if isinstance(item, Frame)] == frames[:hit] + frames[hit + 1 :]
    assert isinstance(found[hit], Damage)
    assert not found[hit].truncated


@given(st.binary(max_size=500))
def test_data_without_frames_is_damage(data: bytes) -> None:
    assert not any(isinstance(item, Frame) for item in scan(data))


def test_the_prefix_holds_the_version() -> None:
    assert len(file_prefix()) == PREFIX_BYTES
    assert format_version(file_prefix()) == 1
    assert format_version(b"") is None
    assert format_version(b"PNG and then some more") is None
