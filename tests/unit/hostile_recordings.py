"""Recordings that are made to hurt, with right checksums around wrong contents."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from records import SOURCE_INFO, connect

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.frames import Frame, FrameKind, file_prefix

NOW_NS = 10_000 * SECOND_NS
WALL_NS = 1_700_000_000 * SECOND_NS
HEADER = FileHeader("s", 1, SOURCE_INFO, "", NOW_NS, WALL_NS, Ledger())
MIB = 1 << 20


def events(n: int = 5, **fields: object) -> Events:
    """Return records of connects that ended a moment after `NOW_NS`."""
    records = connect("127.0.0.9", 80, times=n)
    records["begin_ns"] = NOW_NS + np.arange(n)
    records["end_ns"] = records["begin_ns"] + 500_000
    for name, value in fields.items():
        records[name] = value
    return records


def state(n: int, **changes: object) -> dict[str, Any]:
    """Return the JSON document of a block with n connects that succeeded."""
    ledger = asdict(Ledger(n, (n, *(0,) * (N_OUTCOMES - 1))))
    document = {"now_ns": NOW_NS + SECOND_NS, "wall_offset_ns": WALL_NS, "ledger": ledger, "units": {}}
    return {**document, "reads": [[n, 0]], **changes}


def header_document() -> dict[str, Any]:
    """Return the JSON document of the header."""
    document: dict[str, Any] = json.loads(HEADER.to_frame(0).payload)
    return document


def header_frame(text: bytes) -> bytes:
    return Frame(FrameKind.HEADER, 0, len(text), 0, 0, NOW_NS, NOW_NS, 0, text).encode()


def block_frame(
    text: bytes, records: Events, kind: FrameKind = FrameKind.BLOCK, codec: int = 1, **head: int
) -> bytes:
    """Return a frame of any JSON text and records, with any values in its head."""
    raw = struct.pack("<I", len(text)) + text + records.tobytes()
    data = zlib.compress(raw, 9) if codec else raw
    values = {"raw_bytes": len(raw), "count": len(records), "records_before": 0, "first_ns": NOW_NS}
    return Frame(kind, codec, **{**values, "last_ns": NOW_NS + SECOND_NS, **head}, payload=data).encode()


def end_frame(n: int, **changes: object) -> bytes:
    text = json.dumps(state(n, reads=[], now_ns=NOW_NS + 2 * SECOND_NS) | changes).encode()
    return block_frame(text, np.empty(0, EVENT), FrameKind.END, records_before=n)


def recorded(*frames: bytes, header: bytes | None = None) -> bytes:
    first = header_frame(json.dumps(header_document()).encode()) if header is None else header
    return file_prefix() + first + b"".join(frames)


GOOD = json.dumps(state(5)).encode()
FIVE = events()
Made = Iterator[tuple[str, Callable[[], bytes]]]


def with_header(document: dict[str, Any] | bytes) -> bytes:
    """Return a recording of a header alone."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return recorded(header=header_frame(text))


def with_text(text: bytes) -> bytes:
    """Return a recording whose block has any JSON text."""
    return recorded(block_frame(text, FIVE), end_frame(5))


def changed(old: bytes, new: bytes) -> bytes:
    """Return a recording whose block has a part of its JSON text replaced."""
    assert old in GOOD
    return with_text(GOOD.replace(old, new))


def with_head(**head: int) -> bytes:
    """Return a recording whose block has any values in its head."""
    return recorded(block_frame(GOOD, FIVE, **head), end_frame(5))


def with_events(fields: dict[str, object]) -> bytes:
    """Return a recording whose records have any values in some fields."""
    return recorded(block_frame(GOOD, events(**fields)), end_frame(5))


def with_units(units: Callable[[], dict[str, str]]) -> bytes:
    """Return a recording with any names of units."""
    return with_text(json.dumps(state(5, units=units())).encode())


def bomb(raw: bytes) -> bytes:
    """Return a recording whose block is small and becomes this."""
    frame = Frame(FrameKind.BLOCK, 1, len(raw), 0, 0, NOW_NS, NOW_NS, 0, zlib.compress(raw, 9))
    return recorded(frame.encode(), end_frame(0))


def many_fields() -> bytes:
    document = header_document()
    document["record"]["fields"] += [[f"f{n}", "u1"] for n in range(60_000)]
    document["record"]["bytes"] += 60_000
    return with_header(document)


def years() -> bytes:
    later = [
        block_frame(json.dumps(state(5, reads=[], now_ns=NOW_NS + n * 366 * 86_400 * SECOND_NS)).encode(),
                    np.empty(0, EVENT), records_before=5) for n in range(1, 40)
    ]  # fmt: skip
    return recorded(block_frame(GOOD, FIVE), *later)


def cases() -> Made:
    """Yield hostile recordings by name, each as a function: some take a second to be made.

    Each is small, whatever it becomes.
    """
    yield "good", partial(with_text, GOOD)
    yield "header-deep", lambda: with_header(b"[" * 200_000)
    yield from wrong_numbers()
    yield from wrong_headers()
    yield "block-deep", lambda: with_text(b"[" * 200_000)
    yield "completeness-5", partial(changed, b'"completeness": null', b'"completeness": 5.0')
    yield "fewer-attempts-than-outcomes", partial(changed, b'"attempts": 5', b'"attempts": 4')
    yield from wrong_contents()
    empty = b'"reads": [' + b"[0,0]," * 3_000_000
    yield "reads-empty", partial(changed, b'"reads": [', empty)
    stored = GOOD.replace(b'"reads": [', empty)
    yield "reads-empty-stored", lambda: recorded(block_frame(stored, FIVE, codec=0))
    yield "years", years
    yield "before-huge", partial(with_head, records_before=1 << 63)
    yield "count-huge", partial(with_head, count=(1 << 32) - 1)
    yield "raw-huge", partial(with_head, raw_bytes=1 << 26)
    lists = struct.pack("<I", 250 * MIB) + b'{"units":['
    yield "bomb-lists", lambda: bomb((lists + b"[]," * (60 * MIB // 3))[: 60 * MIB])
    yield "bomb-zeros", lambda: bomb(bytes(64 * MIB))
    yield "markers", lambda: recorded(b"\xf5TCT" * (2 * MIB))
    yield "heads", lambda: recorded(b"\xf5TCT\1\0\0\0\0\0\0\0\0\0\0\0" * (MIB // 8))
    yield "empty-frames", lambda: recorded(Frame(FrameKind.BLOCK).encode() * 10_000)
    yield "no-header", file_prefix


def wrong_numbers() -> Made:
    for name, value in (("infinity", b"1e999"), ("nan", b"NaN"), ("huge", b"9" * 4000), ("negative", b"-1")):
        text = json.dumps(header_document()).encode()
        for field in (b'"part": 1', b'"began_ns": 10000000000000', b'"attempts": 0', b'"completeness": null'):
            assert field in text
            hostile = text.replace(field, field.partition(b": ")[0] + b": " + value)
            yield f"header-{name}-{field[1:9].decode()}", partial(with_header, hostile)
        for field in (
            b'"attempts": 5',
            b'"lost_records": 0',
            b'"completeness": null',
            b'"now_ns": 10001000000000',
        ):
            hostile = field.partition(b": ")[0] + b": " + value
            yield f"block-{name}-{field[1:9].decode()}", partial(changed, field, hostile)


def wrong_headers() -> Made:
    for number, kind in enumerate(
        ["V2147483647", "(2", "f8,f8", "(1000000,1000000)u8", "O", "u8\0", "", "<U4294967295"]
    ):
        document = header_document()
        document["record"]["fields"].append(["x", kind])
        yield f"header-kind-{number}", partial(with_header, document)
    yield "header-many-fields", many_fields
    far = header_document()
    far["clocks"]["wall_offset_ns"] = (1 << 62) - NOW_NS - 1
    yield "header-far", partial(with_header, far)


def wrong_contents() -> Made:
    for name, fields in {
        "begin-after-end": {"begin_ns": NOW_NS + 10**12},
        "end-0": {"end_ns": 0},
        "all-ones": dict.fromkeys(("begin_ns", "syn_ns", "last_rtx_ns", "cgroup_id"), (1 << 64) - 1),
        "odd-syn": {"syn_ns": NOW_NS + 10**13, "last_rtx_ns": 1},
        "begin-0": {"begin_ns": 0},
        "errno": {"error": 60_000, "outcome": 5},
        "comm": {"comm": "\x9b31m\x1b[31m\n\u202e".encode()},
    }.items():
        yield f"events-{name}", partial(with_events, fields)
    for name, unit in {
        "escape": "\x1b]0;pwn\x07[red]\n\u202e", "surrogate": "a\ud800b", "long": "u" * 3_000_000,
        "formula": "=1+1",
    }.items():  # fmt: skip
        yield f"unit-{name}", partial(with_units, partial(dict, {"7": unit}))
    yield "units-many", partial(with_units, lambda: {str(n): f"u{n}.service" for n in range(1_000_000)})


SPARSE = ("sparse", "sparse-end")
MADE_BY = dict(cases())
NAMES = [*MADE_BY, *SPARSE]


def write(folder: Path, name: str) -> Path:
    """Write one of `NAMES` and return its path; the sparse ones have 20 GB."""
    path = folder / name
    if name in MADE_BY:
        path.write_bytes(MADE_BY[name]())
        return path
    with path.open("wb") as file:
        file.write(recorded(*[end_frame(0)] * (name == "sparse")))
        file.truncate(20 << 30)
        if name == "sparse-end":
            file.seek(0, 2)
            file.write(end_frame(0))
    return path
