"""Limits that several modules share: each stands here once, with the reason for its value."""

from __future__ import annotations

import errno as e

SYN_RTO_US = 1_000_000
"""An unanswered SYN is sent again after this time (RFC 6298, section 2; `TCP_TIMEOUT_INIT` in Linux)."""

RETRANSMITTED_US = SYN_RTO_US * 99 // 100
"""A connect that took this long waited for a retransmitted SYN. It is 1% less than the timeout, because a
latency that is read from a bucket can be 1% off."""

FELT_US = 1_000
"""Below this no latency is called slow, and no difference matters: three times 20 µs is noise."""

SLOW_US = 100_000
"""From here on a person notices the wait."""

MIN_FAILURES = 3
"""Fewer failures prove nothing."""

MIN_UNANSWERED = MIN_FAILURES - 1
"""Where nothing succeeds and no reset answers, fewer failures suffice: each stands for several SYNs."""

MIN_SAMPLES = 10
"""Fewer connects have no median, p99 or share worth comparing."""

NOTABLE_SHARE = 0.01
"""From this share of the connects on, failures and lost SYNs are reported."""

BAD_SHARE = 0.05
"""A share of failures, or a rise of it, that is bad."""

GIVEN_UP_SHARE = BAD_SHARE
"""From this share of the connects on, those that the application gave up are reported: some always are, where
it tries several addresses at once and keeps the first that answers."""

UNREACHABLE_ERRNOS = frozenset(
    {
        e.EHOSTUNREACH,
        e.ENETUNREACH,
        e.EHOSTDOWN,
        e.ENONET,
        e.ENOPROTOOPT,
        e.EOPNOTSUPP,
        e.EPROTO,
        e.EACCES,
    }
)
"""What the kernel makes of ICMP errors (`icmp_err_convert`, `icmpv6_err_convert`); as in bpf/sock.h."""
