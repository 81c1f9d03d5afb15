"""Faults for the BPF program, each with the live tests that must notice it."""

from __future__ import annotations

from dataclasses import dataclass

from calls import CALLS
from ledger import LEDGER

CONNECT, SOCK, FILTER, OUTCOME = "connect.h", "sock.h", "filter.h", "outcome.h"
IDENTIFY, STATES = "identify.h", "states.h"


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        name: what is wrong then.
        file: file in `bpf/`.
        old: text that occurs once in it.
        new: what replaces it.
        tests: what pytest's `-k` gets.
        calls: True if only probes that see the call of connect() can notice it.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str
    calls: bool = False


GENERAL = (
    Mutant(
        "refused is an error", OUTCOME, "return OUTCOME_REFUSED;", "return OUTCOME_ERROR;", "test_refused"
    ),
    Mutant(
        "time-out is an error", OUTCOME, "return OUTCOME_TIMEOUT;", "return OUTCOME_ERROR;", "test_timed_out"
    ),
    Mutant("no network is an error", OUTCOME, "case ENETUNREACH: ", "", "test_icmp_errors"),
    Mutant(
        "cancelled is an error",
        SOCK,
        ".outcome = OUTCOME_CANCELLED,",
        ".outcome = OUTCOME_ERROR,",
        "test_closed",
    ),
    Mutant("no errno", CONNECT, "attempt->error = ending.error;", "", "test_refused"),
    Mutant(
        "retransmissions count twice",
        CONNECT,
        "attempt->syn_retransmits++;\n\tif (error)",
        "attempt->syn_retransmits += 2;\n\tif (error)",
        "test_the_third_syn",
    ),
    Mutant(
        "the first retransmission stays the last",
        CONNECT,
        "attempt->last_rtx_ns = bpf_ktime_get_ns();",
        "if (!attempt->last_rtx_ns)\n\t\tattempt->last_rtx_ns = bpf_ktime_get_ns();",
        "test_the_third_syn",
    ),
    Mutant(
        "no time of a retransmission",
        CONNECT,
        "attempt->last_rtx_ns = bpf_ktime_get_ns();",
        "",
        "test_the_third_syn",
    ),
    Mutant(
        "an early segment is the answer",
        CONNECT,
        "attempt->end_ns <= attempt->last_rtx_ns",
        "false",
        "third_syn_is_answered",
    ),
    Mutant(
        "destination port in network order",
        SOCK,
        "bpf_ntohs(SOCK_FIELD(u16, scratch, sk, SK_DPORT))",
        "SOCK_FIELD(u16, scratch, sk, SK_DPORT)",
        "test_refused",
    ),
    Mutant(
        "local port in network order",
        SOCK,
        "0 : bpf_ntohs(sport)",
        "0 : sport",
        "test_every_field",
    ),
    Mutant(
        "v4-mapped is IPv6",
        SOCK,
        "if (is_v4_mapped(&attempt->daddr))",
        "if (false)",
        "test_every_field",
    ),
    Mutant(
        "source is the destination",
        SOCK,
        "SOCK_FIELD(u32, scratch, sk, SK_RCV_SADDR)",
        "SOCK_FIELD(u32, scratch, sk, SK_DADDR)",
        "third_syn",
    ),
    Mutant("no filter by process", FILTER, "settings->pid_count &&", "false &&", "test_filter_by_process"),
    Mutant("no filter by user", FILTER, "settings->uid_count &&", "false &&", "test_filter_by_user"),
    Mutant("no filter by port", FILTER, "!settings->port_count ||", "true ||", "test_filter_by_port"),
    Mutant("no filter by family", FILTER, "settings->family &&", "false &&", "test_filter_by_family"),
    Mutant("no minimum latency", CONNECT, "< settings->min_latency_ns", "< 0", "test_filter_by_minimum"),
    Mutant("attempts count twice", CONNECT, "COUNT(attempts);", "COUNT_MANY(attempts, 2);", "test_refused"),
    Mutant(
        "a simultaneous open never ends",
        STATES,
        "old_state == TCP_SYN_SENT || old_state == TCP_SYN_RECV",
        "old_state == TCP_SYN_SENT",
        "test_simultaneous",
    ),
)

_SECOND_WORD = "TASK_FIELD(u64, scratch, process, TASK_COMM + 8)"
_OF_LEADER = f"set_name(attempt->comm, TASK_FIELD(u64, scratch, process, TASK_COMM),\n\t\t {_SECOND_WORD});"
_IS_LEADER = "if ((u32)thread == attempt->tgid)"
_OF_THREAD = "bpf_get_current_comm(&attempt->thread, sizeof(attempt->thread));"
_START = "TASK_FIELD(u64, scratch, process, TASK_START)"

NAMES = tuple(
    Mutant(
        name,
        IDENTIFY,
        old,
        new,
        "threads_have_the_name or renames_itself or known_by_its_start or every_field",
    )
    for name, old, new in (
        ("comm is the thread's", _OF_LEADER, "bpf_get_current_comm(&attempt->comm, sizeof(attempt->comm));"),
        ("no comm", _OF_LEADER, ""),
        ("comm is cut", _SECOND_WORD, "0"),
        ("thread is the process", _IS_LEADER, "if (true)"),
        ("no thread", _OF_THREAD, ";"),
        ("thread is cut", _OF_THREAD, _OF_THREAD.replace("sizeof(attempt->thread)", "4")),
        ("no start", _START, "0"),
        ("start of the thread", _START, "READ(u64, bpf_get_current_task(), TASK_START)"),
        ("start in µs", _START, f"{_START} / 1000"),
        ("tgid is the thread", "attempt->tgid = thread >> 32;", "attempt->tgid = thread;"),
        ("no control group", "attempt->cgroup_id = bpf_get_current_cgroup_id();", ""),
    )
)

_SCOPE = "attempt->scope_id = SOCK_FIELD(u32, scratch, sk, SK_BOUND_IF);\n\t\treturn;"
_PASSED = "attempt->scope_id = READ(u32, address, 24);"

SCOPE = tuple(
    Mutant(name, SOCK, old, new, "scope", calls)
    for name, old, new, calls in (
        ("no scope", _SCOPE, "attempt->scope_id = 0;\n\t\treturn;", False),
        ("scope is the loopback", _SCOPE, "attempt->scope_id = 1;\n\t\treturn;", False),
        ("scope is the next interface", _SCOPE, _SCOPE.replace(");", ") + 1;", 1), False),
        (
            "scope is a byte",
            _SCOPE,
            _SCOPE.replace("u32", "u8").replace("SK_BOUND_IF", "SK_BOUND_IF + 1"),
            False,
        ),
        ("scope of all addresses", f"if (is_link_local(attempt))\n\t\t\t{_SCOPE}", _SCOPE, False),
        ("fec0::/10 instead", "== 0x80)", "== 0xc0)", False),
        ("fd80::/10 instead", "v6[0] == 0xfe", "v6[0] == 0xfd", False),
        ("no scope that was passed", _PASSED, "", True),
        ("flow for scope", _PASSED, _PASSED.replace("24", "4"), True),
        (
            "a longer address only",
            "length >= SOCKADDR_IN6_SCOPE_BYTES",
            "length > SOCKADDR_IN6_SCOPE_BYTES",
            True,
        ),
        ("no multicast", "(v6[1] & 0x0f) == 2", "(v6[1] & 0x0f) == 5", True),
    )
)

_SRTT = "attempt->srtt_us = TCP_FIELD(u32, scratch, sk, TCP_SRTT) >> 3;"

ROUND_TRIP = tuple(
    Mutant(name, CONNECT, _SRTT, new, "round_trip or slow_answer")
    for name, new in (
        ("no round trip", ""),
        ("in eighths", _SRTT.replace(" >> 3", "")),
        ("in quarters", _SRTT.replace("3;", "1;")),
        ("halved", _SRTT.replace("3;", "4;")),
        ("16 bits", _SRTT.replace("u32", "u16")),
        ("in ms", _SRTT.replace("TCP_FIELD", "1 + TCP_FIELD").replace(" >> 3", " / 8000")),
        ("the deviation", _SRTT.replace("TCP_SRTT", "TCP_SRTT + 4")),
        ("the whole latency", "attempt->srtt_us = (bpf_ktime_get_ns() - attempt->begin_ns) / 1000;"),
        ("always 1", "attempt->srtt_us = 1;"),
        ("the reserve", _SRTT.replace("TCP_SRTT", "TCP_SRTT - 4")),
    )
)

_MARK = "if (error)\n\t\tattempt->syn_unsent++;"
_TOTAL = "\tCOUNT(syn_retransmits);\n}"
_TIME = "attempt->last_rtx_ns = bpf_ktime_get_ns();"
_ENTRY = "\tif (!attempt)\n\t\treturn;\n\tattempt->syn_retransmits++;"

UNSENT = tuple(
    Mutant(name, CONNECT, old, new, "firewall or third_syn")
    for name, old, new in (
        ("none is unsent", _MARK, ""),
        ("all are unsent", _MARK, "attempt->syn_unsent++;"),
        ("sent ones are unsent", _MARK, _MARK.replace("error", "!error")),
        ("counted twice", _MARK, _MARK.replace("++", " += 2")),
        ("never more than one", _MARK, _MARK.replace("++", " = 1")),
        ("only full queues", _MARK, _MARK.replace("error", "error > 0")),
        ("ignored", _ENTRY, _ENTRY.replace("!attempt", "!attempt || error")),
        ("no retransmission", _MARK, f"{_MARK}\n\tif (error)\n\t\tattempt->syn_retransmits--;"),
        ("not in the totals", _TOTAL, f"\tif (!error)\n\t{_TOTAL}"),
        ("no time", _TIME, f"if (!error)\n\t\t{_TIME}"),
    )
)

_STALE = "error && !(ending.unsent && error == before->error)"
_CHOICE = "no_port ? EADDRNOTAVAIL : 0"
_TESTS = "connects_again or bound_address_pair or given_up_before or test_no_free_port"

BEFORE = tuple(
    Mutant(name, SOCK, old, new, _TESTS)
    for name, old, new in (
        ("the errno of before", _STALE, "error"),
        ("no errno is remembered", "before->error = SOCK_FIELD(u32, scratch, sk, SK_ERR);", ""),
        ("every errno is of before", _STALE, "error && !ending.unsent && error != ECONNREFUSED"),
        ("no port is remembered", "before->sport = SOCK_FIELD(u16, scratch, sk, INET_SPORT);", ""),
        (
            "all sockets are bound",
            "before->is_bound = SOCK_FIELD(u16, scratch, sk, SK_NUM) != 0;",
            "before->is_bound = true;",
        ),
        ("no socket is bound", "before->is_bound = SOCK_FIELD(u16, scratch, sk, SK_NUM) != 0;", ""),
        ("a port that was chosen is lacking", "sport == before->sport && unsent", "unsent"),
        ("the same port again is lacking", "before->sport && unsent;", "before->sport;"),
        ("the port of before", "no_port ? 0 : ", ""),
        ("always no free port", _CHOICE, "EADDRNOTAVAIL"),
        ("never no free port", _CHOICE, "0"),
        ("all was sent", "== before->segments_sent;", "< before->segments_sent;"),
        ("nothing was sent", "== before->segments_sent;", ">= before->segments_sent;"),
    )
)

MUTANTS = {
    "general": GENERAL,
    "names": NAMES,
    "scope": SCOPE,
    "round trip": ROUND_TRIP,
    "unsent": UNSENT,
    "before": BEFORE,
    "ledger": tuple(Mutant(*fault) for fault in LEDGER),
    "calls": tuple(Mutant(*fault, calls=True) for fault in CALLS),
}
