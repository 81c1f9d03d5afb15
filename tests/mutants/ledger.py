"""Faults of the counters, the table of namespaces and the map of running attempts.

Each is (what is wrong then, file in `bpf/`, text that occurs once in it, what replaces it, pytest's `-k`).
"""

from __future__ import annotations

_CONNECT, _NETNS, _SOCK = "connect.h", "netns.h", "sock.h"

LEDGER = (
    ("an attempt stays in the map", _CONNECT, "if (delete_attempt(&key))", "if (0)", "known_list"),
    ("a repaired socket is an attempt", _CONNECT, "(stale && copy > 1) || is_repaired(sk))",
     "(stale && copy > 1))", "repaired"),
    ("a fast open without data is a connect that was seen", _SOCK,
     "return READ(u32, sk, TCP_SEGS_OUT) == before->segments_sent;", "return false;", "fast_open"),
    ("a socket that found the map full is not remembered", _CONNECT, "*missed = key;", "(void)key;",
     "missed_by"),
    ("any end counts as one that was missed", _CONNECT, "if (missed && *missed == sk) {", "if (missed) {",
     "filter_excludes"),
    ("a lost record counts as seen", _CONNECT, "COUNT_NETNS(attempt, lost);", ";",
     "lost_records_are_not"),
    ("an attempt without a slot is not counted", _NETNS, "COUNT(netns_unplaced);", "", "without_a_slot"),
    ("a slot in use is taken over at once", _NETNS, "+ NETNS_IDLE_NS < now_ns", "< now_ns", "without_a_slot"),
    ("a slot that was taken over keeps its counts", _NETNS, "slot->attempts = 0;", "", "slot_is_reused"),
    ("a slot keeps its generation", _NETNS, "generation + 1;", "1;", "slot_is_reused"),
    ("any process is named", _NETNS, "if (process_is_in(netns)) {", "if (1) {", "itself_in"),
    ("a namespace finds the slot of another", _NETNS, "if (slot && slot->netns == netns)",
     "if (slot && slot->netns)", "side_by_side"),
)  # fmt: skip
