"""Ports that refuse: nobody listens any more, or only sometimes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, Kind, Severity, plural
from tcpconntop.core.counts import find
from tcpconntop.core.format import percent
from tcpconntop.core.types import SECOND_NS, Rows
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.wire import Outcome

MIN_REFUSALS = 3
"""Refusals that are worth a word."""

MAX_CHANCE = 1e-6
"""How likely a row of refusals may be when connects are refused at random, to be taken for the end."""


def refused(evidence: Evidence) -> list[Finding]:
    """Find destinations that refuse, of which those that are explained already are left out."""
    by_dest = evidence.by_dest(np.where(evidence.claimed_mask, 0, evidence.outcomes[:, Outcome.REFUSED]))
    order = largest_first(np.where(by_dest >= MIN_REFUSALS, by_dest, 0))
    pasts = _pasts(evidence, order[:MAX_FINDINGS]) if len(order) else []
    found = [_refused_by(evidence, int(dest), past) for dest, past in zip(order, pasts, strict=False)]
    rest = order[MAX_FINDINGS:]
    if len(rest):
        keys = evidence.keys_to_any(rest)
        n = int(by_dest[rest].sum())
        title = f"{plural(len(rest), 'more destination')} refused {plural(n, 'connect')}"
        found.append(
            Finding(
                Kind.MORE_REFUSED,
                Severity.WARN,
                title,
                f"by {evidence.process_names(keys)}",
                n,
                "dest",
                evidence.raw_keys(keys),
            )
        )
    return [finding for finding in found if finding]


@dataclass(frozen=True, eq=False)
class _Past:
    """What the window knows of a destination, whoever connects there, also those not looked at.

    Attributes:
        rows: its rows in the window, ascending.
        last_ok_ns: when the last success was, since tracing began; 0 where there was none.
        before: refusals up to the slice of the last success, that one included.
        succeeded: successes.
        after: refusals in later slices.
        since_ns: when the first slice with one of those began.
    """

    rows: Rows
    last_ok_ns: int
    before: int
    succeeded: int
    after: int
    since_ns: int


def _pasts(evidence: Evidence, dests: Rows) -> list[_Past]:
    window = evidence.snapshot.window
    rows = [_rows_to(evidence, int(dest)) for dest in dests]
    last_ok = [int(window.stats["last_end_ns"][some].max(initial=0)) for some in rows]
    wanted = np.concatenate(rows)
    order = np.argsort(wanted)
    owner = np.repeat(np.arange(len(rows)), [len(some) for some in rows])[order]
    owners, begins, ended = [], [], []
    for part in window.slices:
        places, asked = find(part.packed_rows, wanted[order])
        owners.append(owner[asked])
        begins.append(np.full(len(places), part.second * SECOND_NS))
        ended.append(part.outcomes(places))
    pasts = []
    of, begin_ns, outcomes = np.concatenate(owners), np.concatenate(begins), np.concatenate(ended)
    for at, (some, ok_ns) in enumerate(zip(rows, last_ok, strict=True)):
        refusals, succeeded = np.where(of == at, outcomes[:, (Outcome.REFUSED, Outcome.OK)].T, 0)
        later = (begin_ns > ok_ns) & (refusals > 0)
        after, before = int(refusals[later].sum()), int(refusals[~later].sum())
        since_ns = int(begin_ns[later].min()) if after else 0
        pasts.append(_Past(some, ok_ns, before, int(succeeded.sum()), after, since_ns))
    return pasts


def _rows_to(evidence: Evidence, dest: int) -> Rows:
    keys, key = evidence.snapshot.window.keys, evidence.dests[dest]
    same = np.flatnonzero((keys["dport"] == key["dport"]) & (keys["family"] == key["family"]))
    rows: Rows = same[keys["daddr"][same] == key["daddr"]]
    return rows


def _refused_by(evidence: Evidence, dest: int, past: _Past) -> Finding | None:
    keys, n = evidence.keys_to(dest), int(evidence.dest_outcomes[dest, Outcome.REFUSED])
    words = (address_port_text(evidence.dests[dest]), f"by {evidence.process_names(keys)}")
    if not past.last_ok_ns:
        return _closed(evidence, keys, n, words, f"{n:,} refused, none succeeded since tracing began")
    if not _is_over(past):
        return _some(evidence, keys, n, words)
    since = evidence.time_of_day(_first_refusal(evidence, past) or past.since_ns)
    last = evidence.time_of_day(past.last_ok_ns)
    return _closed(evidence, keys, n, words, f"{n:,} refused, last ok {last}", f" since {since}")


def _closed(
    evidence: Evidence, keys: Rows, n: int, words: tuple[str, str], proof: str, since: str = ""
) -> Finding:
    title = f"nothing has listened on {words[0]}{since}" if since else f"nothing listens on {words[0]}"
    return Finding(
        Kind.REFUSED, Severity.BAD, title, f"{proof}; {words[1]}", n, "dest", evidence.raw_keys(keys)
    )


def _some(evidence: Evidence, keys: Rows, n: int, words: tuple[str, str]) -> Finding | None:
    ended = int(evidence.attempts[keys].sum())
    if n < 0.01 * ended:
        return None
    return Finding(
        Kind.SOME_REFUSED, Severity.WARN,
        f"{words[0]} refused some: {n:,} of {plural(ended, 'connect')} ({percent(n / ended)}%)",
        "refusals and successes are mixed: one backend of several is down, or it restarts, or resets when it"
        f" is overloaded; {words[1]}",
        n, "dest", evidence.raw_keys(keys),
    )  # fmt: skip


def _is_over(past: _Past) -> bool:
    """Say whether nothing listens any more, or whether it may just be bad luck.

    Refusals before the last success tell how likely one is; those after it must be so many in a row
    that chance does not explain them.
    """
    share = past.before / max(past.before + past.succeeded, 1)
    return past.after >= MIN_REFUSALS and (share == 0 or past.after * math.log(share) < math.log(MAX_CHANCE))


def _first_refusal(evidence: Evidence, past: _Past) -> int:
    """Give when the first one after the last success was, if single records tell; else 0."""
    events = evidence.recent.events
    # Only where an older record is kept as well it is certain that this one was the first.
    if not len(events) or int(events["end_ns"][0]) > past.last_ok_ns:
        return 0
    later = (evidence.recent.outcome == Outcome.REFUSED) & (events["end_ns"] > past.last_ok_ns)
    found = evidence.match_keys(evidence.recent.where(later))
    ends = found.events["end_ns"][np.isin(evidence.rows[found.key_index], past.rows)]
    return int(ends.min()) if len(ends) else 0
