"""Recordings that are made to hurt, with right checksums around wrong contents."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict
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


def cases() -> Iterator[tuple[str, bytes]]:
    """Yield hostile recordings by name; each is small, whatever it becomes."""
    good = json.dumps(state(5)).encode()
    five = events()

    def changed(old: bytes, new: bytes) -> bytes:
        assert old in good
        text = good.replace(old, new)
        return recorded(block_frame(text, five), end_frame(5))

    yield "good", recorded(block_frame(good, five), end_frame(5))
    yield "header-deep", recorded(header=header_frame(b"[" * 200_000))
    for name, value in (("infinity", b"1e999"), ("nan", b"NaN"), ("huge", b"9" * 4000), ("negative", b"-1")):
        text = json.dumps(header_document()).encode()
        for field in (b'"part": 1', b'"began_ns": 10000000000000', b'"attempts": 0', b'"completeness": null'):
            assert field in text
            hostile = text.replace(field, field.partition(b": ")[0] + b": " + value)
            yield f"header-{name}-{field[1:9].decode()}", recorded(header=header_frame(hostile))
        for field in (
            b'"attempts": 5',
            b'"lost_records": 0',
            b'"completeness": null',
            b'"now_ns": 10001000000000',
        ):
            yield (
                f"block-{name}-{field[1:9].decode()}",
                changed(field, field.partition(b": ")[0] + b": " + value),
            )
    for number, kind in enumerate(
        ["V2147483647", "(2", "f8,f8", "(1000000,1000000)u8", "O", "u8\0", "", "<U4294967295"]
    ):
        document = header_document()
        document["record"]["fields"].append(["x", kind])
        yield f"header-kind-{number}", recorded(header=header_frame(json.dumps(document).encode()))
    document = header_document()
    document["record"]["fields"] += [[f"f{n}", "u1"] for n in range(60_000)]
    document["record"]["bytes"] += 60_000
    yield "header-many-fields", recorded(header=header_frame(json.dumps(document).encode()))
    far = header_document()
    far["clocks"]["wall_offset_ns"] = (1 << 62) - NOW_NS - 1
    yield "header-far", recorded(header=header_frame(json.dumps(far).encode()))
    yield "block-deep", recorded(block_frame(b"[" * 200_000, five), end_frame(5))
    yield "completeness-5", changed(b'"completeness": null', b'"completeness": 5.0')
    yield "fewer-attempts-than-outcomes", changed(b'"attempts": 5', b'"attempts": 4')
    for name, fields in {
        "begin-after-end": {"begin_ns": NOW_NS + 10**12},
        "end-0": {"end_ns": 0},
        "all-ones": dict.fromkeys(("begin_ns", "syn_ns", "last_rtx_ns", "cgroup_id"), (1 << 64) - 1),
        "odd-syn": {"syn_ns": NOW_NS + 10**13, "last_rtx_ns": 1},
        "begin-0": {"begin_ns": 0},
        "errno": {"error": 60_000, "outcome": 5},
        "comm": {"comm": "\x9b31m\x1b[31m\n\u202e".encode()},
    }.items():
        yield f"events-{name}", recorded(block_frame(good, events(**fields)), end_frame(5))
    for name, unit in {
        "escape": "\x1b]0;pwn\x07[red]\n\u202e", "surrogate": "a\ud800b", "long": "u" * 3_000_000,
        "formula": "=1+1",
    }.items():  # fmt: skip
        text = json.dumps(state(5, units={"7": unit})).encode()
        yield f"unit-{name}", recorded(block_frame(text, five), end_frame(5))
    many = {str(n): f"u{n}.service" for n in range(1_000_000)}
    yield "units-many", recorded(block_frame(json.dumps(state(5, units=many)).encode(), five), end_frame(5))
    empty = b"[0,0]," * 3_000_000
    yield "reads-empty", changed(b'"reads": [', b'"reads": [' + empty)
    yield (
        "reads-empty-stored",
        recorded(block_frame(good.replace(b'"reads": [', b'"reads": [' + empty), five, codec=0)),
    )
    years = [
        block_frame(json.dumps(state(5, reads=[], now_ns=NOW_NS + n * 366 * 86_400 * SECOND_NS)).encode(),
                    np.empty(0, EVENT), records_before=5) for n in range(1, 40)
    ]  # fmt: skip
    yield "years", recorded(block_frame(good, five), *years)
    yield "before-huge", recorded(block_frame(good, five, records_before=1 << 63), end_frame(5))
    yield "count-huge", recorded(block_frame(good, five, count=(1 << 32) - 1), end_frame(5))
    yield "raw-huge", recorded(block_frame(good, five, raw_bytes=1 << 26), end_frame(5))
    lists = struct.pack("<I", 250 * MIB) + b'{"units":[' + b"[]," * (60 * MIB // 3)
    bomb = Frame(FrameKind.BLOCK, 1, 60 * MIB, 0, 0, NOW_NS, NOW_NS, 0, zlib.compress(lists[: 60 * MIB], 9))
    yield "bomb-lists", recorded(bomb.encode(), end_frame(0))
    zeros = Frame(FrameKind.BLOCK, 1, 64 * MIB, 0, 0, NOW_NS, NOW_NS, 0, zlib.compress(bytes(64 * MIB), 9))
    yield "bomb-zeros", recorded(zeros.encode(), end_frame(0))
    yield "markers", recorded(b"\xf5TCT" * (2 * MIB))
    yield "heads", recorded(b"\xf5TCT\1\0\0\0\0\0\0\0\0\0\0\0" * (MIB // 8))
    yield "empty-frames", recorded(Frame(FrameKind.BLOCK).encode() * 10_000)
    yield "no-header", file_prefix()


def write(folder: Path) -> dict[str, Path]:
    """Write all of them and a sparse file of 20 GB; return the paths by name."""
    paths = {}
    for name, data in cases():
        paths[name] = folder / name
        paths[name].write_bytes(data)
    for name, size in (("sparse", 20 << 30), ("sparse-end", 20 << 30)):
        paths[name] = folder / name
        with paths[name].open("wb") as file:
            file.write(recorded(*[end_frame(0)] * (name == "sparse")))
            file.truncate(size)
            if name == "sparse-end":
                file.seek(0, 2)
                file.write(end_frame(0))
    return paths
