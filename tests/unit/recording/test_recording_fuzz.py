"""Recordings with a right frame around anything: hypothesis mutates their JSON, records and heads."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
from hostile_recordings import block_frame, end_frame, events, header_document, header_frame, recorded, state
from hypothesis import given
from hypothesis import strategies as st
from test_strangers import play

from tcpconntop.core.wire import EVENT

NUMBERS = st.integers() | st.floats() | st.sampled_from([1 << 63, -(1 << 63), 1 << 64, 10**400, -1, 1e308])
TEXTS = st.text(max_size=20) | st.sampled_from(["\x1b[31m", "\ud800", "\u202e", "u8", "|V16", "x" * 5000])
VALUES = st.recursive(
    NUMBERS | TEXTS | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
HEADS = st.fixed_dictionaries(
    {},
    optional={
        name: st.integers(0, (1 << bits) - 1) | st.integers(0, 20)
        for name, bits in {
            "raw_bytes": 32, "count": 32, "records_before": 64, "first_ns": 64, "last_ns": 64, "lost": 64,
        }.items()
    },
)  # fmt: skip


def paths(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found = [path] if path else []
    for key, value in items:
        found += paths(value, (*path, key)) if isinstance(value, dict | list) else [(*path, key)]
    return found


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any]) -> bytes:
    """Return a JSON document in which some values are replaced, or removed."""
    result = copy.deepcopy(document)
    for path in draw(st.lists(st.sampled_from(paths(document)), max_size=3)):
        parent: Any = result
        try:
            for key in path[:-1]:
                parent = parent[key]
            if draw(st.booleans()) and isinstance(parent, dict):
                del parent[path[-1]]
            else:
                parent[path[-1]] = draw(VALUES)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change removed it
    return json.dumps(result).encode()


@st.composite
def mutated_records(draw: st.DrawFn) -> np.ndarray:
    """Return records with any bytes in some of their fields."""
    records = events(draw(st.integers(0, 6)))
    for name in draw(st.lists(st.sampled_from(EVENT.names), max_size=3)):
        size = EVENT[name].itemsize
        for i in range(len(records)):
            records[name][i] = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), EVENT[name])[0]
    return records


@given(st.data())
def test_a_mutated_recording_is_refused_or_played(data: st.DataObject) -> None:
    header = header_frame(data.draw(mutated(header_document()))) if data.draw(st.booleans()) else None
    frames, before = [], 0
    for _ in range(data.draw(st.integers(0, 3))):
        records = data.draw(mutated_records())
        n = before + len(records)
        document = state(n, reads=[[len(records), 0]])
        head = {"records_before": before, **data.draw(HEADS)}
        text = data.draw(mutated(document))
        frames.append(block_frame(text, records, codec=data.draw(st.sampled_from([0, 1])), **head))
        before = n
    play(recorded(*frames, end_frame(before), header=header))


@given(st.data())
def test_a_recording_with_changed_bytes_is_refused_or_played(data: st.DataObject) -> None:
    content = bytearray(recorded(block_frame(json.dumps(state(5)).encode(), events()), end_frame(5)))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 40))
        content[start : start + length] = data.draw(st.binary(max_size=40) | st.just(b"\xf5TCT"))
    play(bytes(content))
