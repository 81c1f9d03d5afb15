"""What the BPF program reads at once, from the offsets of this kernel and of others."""

from __future__ import annotations

import pytest

from tcpconntop.kernel.btf import VMLINUX, Btf
from tcpconntop.kernel.program_numbers import NUMBERS, numbers_from_btf, with_spans

FAR, MOST = 5_000, {"SOCK": 1024, "TCP": 512, "TASK": 512}


def offsets(**changes: int) -> dict[str, int]:
    numbers = dict.fromkeys(NUMBERS, 0)
    return with_spans({**numbers, "TCP_SEGS_OUT": 1536, "TCP_SRTT": 1680, "REPAIR_BYTE": 1463, **changes})


def test_neighbours_are_read_at_once() -> None:
    numbers = offsets(INET_SPORT=814)
    assert (numbers["SOCK_FIRST"], numbers["SOCK_BYTES"]) == (0, 830)
    assert (numbers["TCP_FIRST"], numbers["TCP_BYTES"]) == (1456, 240)


@pytest.mark.parametrize("name", ["INET_SPORT", "TCP_SRTT", "TASK_COMM"])
def test_never_more_is_read_than_there_is_space_for(name: str) -> None:
    numbers = offsets(**{name: FAR})
    assert all(16 <= numbers[f"{what}_BYTES"] <= most for what, most in MOST.items())


@pytest.mark.skipif(not VMLINUX.exists(), reason="this kernel has no type information")
def test_this_kernel_has_every_number_once() -> None:
    assert tuple(numbers_from_btf(Btf())) == NUMBERS
