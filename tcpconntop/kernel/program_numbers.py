"""The numbers in the BPF program that depend on the kernel: offsets, and what is read at once.

The loader process reads them while the user interface starts: only the standard library, Python 3.9.
"""

from __future__ import annotations

from typing import Any

from tcpconntop.core.errors import EXIT_UNSUPPORTED
from tcpconntop.kernel.attach import COPIES, FENTRY_FUNCTIONS, FIRST_BEGIN
from tcpconntop.kernel.btf import Btf, BtfError
from tcpconntop.kernel.load_error import LoadError

# Macro of an offset in bpf/sock.h, struct, member, and whether every supported kernel has it.
_OFFSETS = (
    ("SK_FAMILY", "sock_common", "skc_family", True),
    ("SK_DPORT", "sock_common", "skc_dport", True),
    ("SK_DADDR", "sock_common", "skc_daddr", True),
    ("SK_RCV_SADDR", "sock_common", "skc_rcv_saddr", True),
    ("SK_V6_DADDR", "sock_common", "skc_v6_daddr", False),
    ("SK_V6_RCV_SADDR", "sock_common", "skc_v6_rcv_saddr", False),
    ("SK_NUM", "sock_common", "skc_num", True),
    ("SK_BOUND_IF", "sock_common", "skc_bound_dev_if", True),
    ("SK_NET", "sock_common", "skc_net.net", False),
    ("NET_INUM", "net", "ns.inum", True),
    ("SK_PROTOCOL", "sock", "sk_protocol", True),
    ("SK_ERR", "sock", "sk_err", True),
    ("SK_SOCKET", "sock", "sk_socket", True),
    ("SOCKET_STATE", "socket", "state", True),
    ("INET_SPORT", "inet_sock", "inet_sport", True),
    ("TCP_SEGS_OUT", "tcp_sock", "segs_out", True),
    ("TCP_TOTAL_RETRANS", "tcp_sock", "total_retrans", True),
    ("TCP_SRTT", "tcp_sock", "srtt_us", True),
    ("TASK_LEADER", "task_struct", "group_leader", True),
    ("TASK_COMM", "task_struct", "comm", True),
    ("TASK_START", "task_struct", "start_boottime", True),
    ("TASK_NSPROXY", "task_struct", "nsproxy", False),
    ("NSPROXY_NET_NS", "nsproxy", "net_ns", False),
)

_FLAGS = ("REPAIR_BYTE", "REPAIR_MASK")

_SPANS = (
    ("SOCK", 1024, ("SK_FAMILY", "SK_ERR", "SK_SOCKET", "SK_PROTOCOL", "INET_SPORT")),
    ("TCP", 512, ("REPAIR_BYTE", "TCP_SEGS_OUT", "TCP_SRTT")),
    ("TASK", 512, ("TASK_START", "TASK_COMM")),
)
"""What bpf/sock.h reads at once: begin of the numbers' names, most bytes, members that should be in it."""
_MEMBER_BYTES = 16

NUMBERS = (
    "SOCK_BYTES",
    "TCP_FIRST",
    "TCP_BYTES",
    "TASK_FIRST",
    "TASK_BYTES",
    "COPIES",
    "FIRST_BEGIN",
    "RETRANSMIT_HAS_ERROR",
    *_FLAGS,
    *(name for name, *_ in _OFFSETS),
)
"""The macros of `numbers_from_btf`."""


def complete_job(job: dict[str, Any]) -> None:
    """Add to a job what depends on the kernel: `numbers`, `functions`, and the transport that is best.

    Numbers that it has already stay: a test says what another kernel would have.

    Raises:
        LoadError: this kernel has no usable type information, or lacks a needed struct member.
    """
    try:
        btf = Btf()
        job["numbers"] = {**numbers_from_btf(btf), **job.get("numbers", {})}
    except BtfError as error:
        raise LoadError(str(error), EXIT_UNSUPPORTED) from error
    job["functions"] = btf.function_ids(FENTRY_FUNCTIONS)
    if job["transport"] == "auto":
        job["transport"] = "ring" if btf.offset("bpf_ringbuf", "mask") is not None else "perf"


def numbers_from_btf(btf: Btf) -> dict[str, int]:
    """Return the numbers in the BPF program that depend on the kernel, by macro; 0 for what it lacks.

    Raises:
        BtfError: this kernel lacks a struct member that the program needs.
    """
    numbers = {"COPIES": COPIES, "FIRST_BEGIN": FIRST_BEGIN, **_flag_numbers(btf)}
    for macro, struct, path, needed in _OFFSETS:
        offset = btf.offset(struct, path)
        if offset is None and needed:
            raise BtfError(f"this kernel's type information lacks struct {struct}.{path}")
        numbers[macro] = offset or 0
    numbers["RETRANSMIT_HAS_ERROR"] = int((btf.count_tracepoint_args("tcp_retransmit_skb") or 0) > 2)
    numbers = with_spans(numbers)
    return {name: numbers[name] for name in NUMBERS}


def with_spans(numbers: dict[str, int]) -> dict[str, int]:
    """Return the numbers with those of what is read at once, of which no more than there is space for."""
    numbers = dict(numbers)
    for name, most, members in _SPANS:
        offsets = [numbers[member] for member in members]
        first = 0 if name == "SOCK" else min(offsets) // 8 * 8
        numbers[f"{name}_FIRST"] = first
        numbers[f"{name}_BYTES"] = min(max(offsets) + _MEMBER_BYTES - first, most)
    return numbers


def _flag_numbers(btf: Btf) -> dict[str, int]:
    """Return byte and mask of the flag of a socket in repair mode; the mask is 0 where there is none."""
    bits = btf.bit_offset("tcp_sock", "repair")
    return dict(zip(_FLAGS, (0, 0) if bits is None else (bits // 8, 1 << bits % 8), strict=True))
