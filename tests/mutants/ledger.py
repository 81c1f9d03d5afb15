"""Faults of the counters, the table of namespaces and the map of running attempts.

Each is (what is wrong then, file in `bpf/`, text that occurs once in it, what replaces it, pytest's `-k`).
"""

from __future__ import annotations

_CONNECT, _NETNS, _SOCK, _STATES = "connect.h", "netns.h", "sock.h", "states.h"

LEDGER = (
    ("an attempt stays in the map", _CONNECT, "if (delete_attempt(&key))", "if (0)", "known_list"),
    ("a repaired socket is an attempt", _CONNECT, " || is_repaired(TCP_FIELD(u8, scratch, sk, REPAIR_BYTE)))",
     ")", "repaired"),
    ("a fast open without data is a connect that was seen", _SOCK,
     "return TCP_FIELD(u32, scratch, sk, TCP_SEGS_OUT) == before->segments_sent;",
     "return false;", "fast_open"),
    ("a socket that found the map full is not remembered", _CONNECT, "*missed = sk;", "(void)sk;",
     "missed_by"),
    ("any end counts as one that was missed", _CONNECT, "if (missed && *missed == (u64)sk) {",
     "if (missed) {", "filter_excludes"),
    ("a lost record counts as seen", _CONNECT, "COUNT_NETNS(attempt, lost);", ";",
     "lost_records_are_not"),
    ("an attempt without a slot is not counted", _NETNS, "COUNT(netns_unplaced);", "", "without_a_slot"),
    ("a slot in use is taken over at once", _NETNS, "+ NETNS_IDLE_NS < now_ns", "< now_ns", "without_a_slot"),
    ("a slot that was taken over keeps its counts", _NETNS, "slot->attempts = 0;", "", "slot_is_reused"),
    ("a slot keeps its generation", _NETNS, "generation + 1;", "1;", "slot_is_reused"),
    ("any process is named", _NETNS, "process_is_in(net, thread)) {", "1) {", "itself_in"),
    ("a namespace finds the slot of another", _NETNS, "if (slot && slot->netns == netns)",
     "if (slot && slot->netns)", "side_by_side"),
    ("a full map is forgotten", _CONNECT, "seen->missed = true;", ";", "missed_by"),
    ("a simultaneous open is forgotten", _STATES, "seen->simultaneous = true;", ";",
     "test_simultaneous"),
    ("a simultaneous open is accepted", _STATES, "!READ(u32, sk, TCP_SEGS_OUT)", "true",
     "test_simultaneous"),
    ("a stale attempt keeps its place", _CONNECT, "if (is_first && !is_placed &&", "if (0 && !is_placed &&",
     "stale_attempt"),
)  # fmt: skip
