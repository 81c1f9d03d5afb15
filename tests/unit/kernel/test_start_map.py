"""The size of the table of running attempts."""

from __future__ import annotations

import pytest

from tcpconntop.kernel.start_map import BPF_F_NO_PREALLOC, ENTRY_BYTES, memory_bytes, start_map

GIB = 1 << 30


@pytest.mark.parametrize(
    ("release", "memory", "entries", "flags"),
    [
        ("6.1.0-18-amd64", 2 * GIB, 2 * GIB // 64 // ENTRY_BYTES, BPF_F_NO_PREALLOC),
        ("6.18.44", 64 * GIB, 1 << 20, BPF_F_NO_PREALLOC),
        ("7.0-rc1", 64 * GIB, 1 << 20, BPF_F_NO_PREALLOC),
        ("10.0.1", 64 * GIB, 1 << 20, BPF_F_NO_PREALLOC),
        ("6.0.19", 8 * GIB, 8 * GIB // 512 // ENTRY_BYTES, 0),
        ("5.10.0-30-cloud-amd64", 2 * GIB, 2 * GIB // 512 // ENTRY_BYTES, 0),
        ("5.10.0", GIB // 2, 1 << 14, 0),
        ("6.1.0", 0, 1 << 14, BPF_F_NO_PREALLOC),
    ],
)
def test_the_size_follows_the_memory(release: str, memory: int, entries: int, flags: int) -> None:
    assert start_map(release, memory, 0) == (entries, flags)


def test_the_user_decides() -> None:
    assert start_map("6.1.0", 64 * GIB, 5) == (5, BPF_F_NO_PREALLOC)
    assert start_map("5.10.0", 64 * GIB, 1 << 24) == (1 << 24, 0)


def test_this_machine_has_memory() -> None:
    assert memory_bytes() > GIB // 4
