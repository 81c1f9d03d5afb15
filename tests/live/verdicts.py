"""What the product says of a mixture, held against the truth: each wrong statement is one line."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from truth import Truth

from tcpconntop.core.analysis.explain import Finding
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS
from tcpconntop.core.window.keys import KEY
from tcpconntop.core.wire import Events, Outcome, address_text, comm_text

Where = tuple[int, str, int, int]
"""Network namespace, address, port and scope of a destination."""

CAUSES = {
    "ports": {"no-port", "own-ports"},
    "refused": {"refused"},
    "some-refused": {"refused"},
    "more-refused": {"refused"},
    "local-firewall": {"output-drop"},
    "unanswered": {"silent", "rejected", "closed", "used-again", "no-route", "unsent"},
    "lost-syns": {"lost", "full-queue"},
    "slow-path": {"slow"},
    "accept-queue": {"full-queue"},
    "gives-up": {"closed", "used-again"},
    "many-failed": {"refused", "silent", "rejected", "closed", "used-again", "no-route", "unsent"},
}
"""What must have been made where a finding of a kind is; `family` and `slow-address` are judged by counts."""

SHARP = {
    "no-port": ("ports", 1),
    "refused": ("refused some-refused more-refused many-failed", 3),
    "output-drop": ("local-firewall", 1),
    "silent": ("unanswered", 2),
    "rejected": ("unanswered", 2),
    "lost": ("lost-syns", 1),
    "slow": ("slow-path", 1),
    "full-queue": ("lost-syns", 1),
}
"""Kinds that must be found where a cause was made at least so often, and nothing else at that place."""

OUTCOMES = {
    "refused": "refused",
    "some-refused": "refused",
    "local-firewall": "",
    "ports": "error",
    "lost-syns": "ok",
    "slow-path": "ok",
    "gives-up": "cancelled",
}
"""The outcome of the connects that a finding counts."""


def where_of(truth: Truth) -> Where:
    return truth.netns, truth.daddr, truth.dport, truth.scope_id


def place_of(key: np.void) -> Where:
    address = address_text(key["daddr"].tobytes(), int(key["family"]))
    return int(key["netns"]), address, int(key["dport"]), int(key["scope_id"])


def wrong_records(events: Events, truths: list[Truth]) -> Iterator[str]:
    """Yield what differs between records and truth: outcome, errno, names, place, SYNs, local port, age."""

    def said(event: np.void) -> tuple[object, ...]:
        names = (comm_text(bytes(event["comm"])), comm_text(bytes(event["thread"])))
        result = Outcome(int(event["outcome"])).label
        counts = (int(event["error"]), int(event["syn_retransmits"]), int(event["syn_unsent"]))
        return (int(event["tgid"]), *names, *place_of(event), result, *counts)

    true = Counter(
        (t.pid, t.comm, t.thread, *where_of(t), t.result, t.errno, t.resent, t.unsent) for t in truths
    )
    seen = Counter(map(said, events))
    for record in (true - seen).elements():
        yield f"true and not recorded: {record}"
    for record in (seen - true).elements():
        took = [(int(e["end_ns"]) - int(e["begin_ns"])) / 1e9 for e in events if said(e) == record]
        yield f"recorded and not true: {record} after {took} s"
    ports = Counter((int(e["tgid"]), int(e["lport"]), *place_of(e)) for e in events)
    known = Counter((t.pid, t.lport, *where_of(t)) for t in truths if t.lport >= 0)
    for port in (known - ports).elements():
        yield f"a local port that is not recorded: {port}"
    ages = {(t.pid, t.lport, *where_of(t)): t.age_s for t in truths if t.age_s is not None}
    for event in events:
        age_s = ages.get((int(event["tgid"]), int(event["lport"]), *place_of(event)))
        took_s = (int(event["end_ns"]) - int(event["begin_ns"])) / 1e9
        if age_s is not None and event["outcome"] == Outcome.CANCELLED and not 0 <= age_s - took_s <= 0.5:
            yield f"a connect that was closed after {age_s:.4f} s is said to have lasted {took_s:.4f} s"


class Judge:
    """Judges findings about some connects.

    Args:
        truths: all connects that are traced, up to the end of the mixture.
        own: network namespace of the tracer.
    """

    def __init__(self, truths: list[Truth], own: int) -> None:
        self._own = own
        self._at: dict[Where, list[Truth]] = defaultdict(list)
        for truth in truths:
            self._at[where_of(truth)].append(truth)

    def wrong(self, finding: Finding) -> Iterator[str]:
        """Yield what a finding says that is not true, at any time of the mixture."""
        keys = [np.frombuffer(key, KEY)[0] for key in finding.keys]
        places = list(dict.fromkeys(map(place_of, keys)))
        here = [truth for place in places for truth in self._at[place]]
        said = f"{finding.kind}: {finding.title} [{finding.evidence}]"
        for place in places:
            causes = {truth.cause for truth in self._at[place]}
            if finding.kind in CAUSES and not causes & CAUSES[finding.kind]:
                yield f"{said}: {place} had {causes or 'nothing'}"
        results = Counter(truth.result for truth in here)
        outcome = OUTCOMES.get(finding.kind)
        if outcome and finding.affected > results[outcome]:
            yield f"{said}: {results[outcome]} {outcome} at all"
        if "none succeeded" in f"{finding.title} {finding.evidence}" and results["ok"]:
            yield f"{said}: {results['ok']} succeeded"
        if finding.title.endswith("refuses every connect") and set(results) != {"refused"}:
            yield f"{said}: {dict(results)}"
        yield from self._wrong_detail(finding, said, here)

    def _wrong_detail(self, finding: Finding, said: str, here: list[Truth]) -> Iterator[str]:
        if finding.kind == "ports":
            yield from self._wrong_ports(finding, said, here)
        if (
            finding.kind == "accept-queue"
            and finding.title.endswith("is full")
            and here[0].netns != self._own
        ):
            yield f"{said}: the backlog of another namespace cannot be known"
        if finding.kind == "family":
            yield from self._wrong_family(said, here)
        if finding.kind == "gives-up":
            yield from _wrong_age(finding, said, here)
        if finding.kind in ("slow-address", "slow-process"):
            yield f"{said}: no address was slow, and no process"

    def _wrong_ports(self, finding: Finding, said: str, here: list[Truth]) -> Iterator[str]:
        netns, causes = here[0].netns, {truth.cause for truth in here}
        if "found no free local port" in finding.title and "no-port" not in causes:
            yield f"{said}: there were ports"
        if "found no free" in finding.title and netns != self._own:
            yield f"{said}: the range of another namespace cannot be known"
        if "in use" in finding.evidence and "local ports" in finding.evidence and netns == self._own:
            for used, total in re.findall(r"([\d,]+) of ([\d,]+) local ports in use", finding.evidence):
                if "no-port" in causes and (used, total) != ("2", "2"):
                    yield f"{said}: 2 of 2"

    def _wrong_family(self, said: str, here: list[Truth]) -> Iterator[str]:
        """Yield if IPv4 does not work for the same program and port in the same namespace."""
        for netns, comm, dport in {(truth.netns, truth.comm, truth.dport) for truth in here}:
            of_program = [
                truth
                for truths in self._at.values()
                for truth in truths
                if (truth.netns, truth.comm, truth.dport) == (netns, comm, dport)
            ]
            ok = Counter((":" in truth.daddr, truth.result) for truth in of_program)
            if ok[False, "ok"] < 3 or ok[True, "ok"]:
                yield f"{said}: {dict(ok)} in {netns}"

    def missing(self, findings: list[Finding]) -> Iterator[str]:
        """Yield the sharp causes that no finding names, unless its kind has more findings than are listed."""
        named: dict[Where, set[str]] = defaultdict(set)
        for finding in findings:
            for key in finding.keys:
                named[place_of(np.frombuffer(key, KEY)[0])].add(finding.kind)
        listed = Counter(finding.kind for finding in findings)
        for place, truths in self._at.items():
            causes = {truth.cause for truth in truths}
            for cause in causes & SHARP.keys():
                kinds, least = SHARP[cause]
                enough = sum(truth.cause == cause for truth in truths) >= least
                full = any(listed[kind] >= MAX_FINDINGS for kind in kinds.split())
                expected = {*kinds.split(), "family"}
                if enough and causes <= {cause, "ok", "filled"} and not full and not named[place] & expected:
                    yield f"not found: {cause} at {place}, {len(truths)} connects; found: {named[place]}"


def _wrong_age(finding: Finding, said: str, here: list[Truth]) -> Iterator[str]:
    """Yield if no connects were closed at the age that the title names."""
    found = re.search(r"after ([\d.]+)(µs|ms|s)", finding.title)
    assert found is not None, said
    age_s = float(found[1]) * {"µs": 1e-6, "ms": 1e-3, "s": 1.0}[found[2]]
    ages = [truth.age_s for truth in here if truth.age_s is not None]
    if sum(0.9 * age <= age_s <= 1.1 * age for age in ages) < 2:
        yield f"{said}: closed after {ages}"
