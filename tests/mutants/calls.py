"""Faults of what only some probes see: the call of connect(), its first SYN, its failure, and the answer.

Each is (what is wrong then, file in `bpf/`, text that occurs once in it, what replaces it, pytest's `-k`).
"""

from __future__ import annotations

_CALLS, _CONNECT, _SOCK = "calls.h", "connect.h", "sock.h"
_ANSWERED = "if (attempt)\n\t\tattempt->end_ns = bpf_ktime_get_ns();"
_DESTINATION_V6 = "bpf_probe_read_kernel(&attempt->daddr, sizeof(attempt->daddr), address + 8);"
_PASSED = "identify(net, &call->target, thread, scratch, settings)"

CALLS = (
    ("the call did not begin the attempt", _CONNECT, "attempt.record.begin_ns = call->target.begin_ns;", ";",
     "without_a_route"),
    ("the errno that is returned comes too late", _CONNECT, "call->target.begin_ns == attempt->begin_ns",
     "false", "without_a_route"),
    ("the attempt of a failed call goes on", _CALLS, "finish(ctx, key, attempt, ending, settings);", ";",
     "without_a_route"),
    ("a failed call is an attempt of its own", _CONNECT, "call->entered_syn_sent = true;", ";", "known_list"),
    ("no call is looked for", _CALLS, "seen->calls = true;", ";", "known_list"),
    ("a call never ends", _CALLS, "delete_call(&thread);", ";", "add_up"),
    ("no errno of a failed call", _CALLS, ".error = -result", ".error = 0", "inside_the_call"),
    ("every failed call is an error", _CALLS, "outcome_of_error(-result)", "OUTCOME_ERROR",
     "inside_the_call"),
    ("a failed call sent a SYN", _CALLS, ".unsent = true", ".unsent = false", "without_a_syn"),
    ("a failed call is not counted in its namespace", _CALLS, "count_attempt(&call->target, net, thread);",
     "COUNT(attempts);", "without_a_syn"),
    ("a failed call is in no namespace", _CALLS, "net = READ(void *, key, SK_NET);", ";", "inside_the_call"),
    ("the call of a repaired socket is an attempt", _CALLS, "is_repaired(READ(u8, sk, REPAIR_BYTE)) || ", "",
     "repaired"),
    ("filters do not hold for a failed call", _CALLS, _PASSED, f"({_PASSED}, true)", "filters_apply"),
    ("no address of a failed call", _SOCK, "attempt->daddr.v4 = READ(u32, address, 4);", ";",
     "inside_the_call"),
    ("no IPv6 address of a failed call", _SOCK, _DESTINATION_V6, ";", "scope"),
    ("destination port of a failed call in network order", _SOCK, "bpf_ntohs(READ(u16, address, 2))",
     "READ(u16, address, 2)", "without_a_syn"),
    ("no scope of the socket", _SOCK, "attempt->scope_id = READ(u32, sk, SK_BOUND_IF);", ";", "scope"),
    ("no time of the first SYN", _CONNECT, "attempt->syn_ns = bpf_ktime_get_ns();", ";", "add_up"),
    ("the first segment is the answer", _CONNECT, _ANSWERED,
     _ANSWERED.replace(")", " && !attempt->end_ns)", 1), "round_trip"),
)  # fmt: skip
