"""A finding: one thing that stands out, with what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.window.keys import KEY

MAX_KEYS = 16
"""How many keys a finding names at most."""

MAX_FINDINGS = 3
"""So many destinations have a finding of their own of each kind; more of them share one, or have none."""


class Severity(IntEnum):
    """How much a finding matters."""

    NOTE = 1
    WARN = 2
    BAD = 3


class Kind(IntEnum):
    """What was found, in the order in which findings of one severity are listed."""

    PORTS = 0
    REFUSED = 1
    UNANSWERED = 2
    LOST_SYNS = 3
    ACCEPT_QUEUE = 4
    FAMILY = 5
    SLOW_ADDRESS = 6
    LOCAL_WORK = 7
    GIVES_UP = 8
    SOME_REFUSED = 9
    MORE_REFUSED = 10

    @property
    def label(self) -> str:
        """The name that documents use: `lost-syns`."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True)
class Finding:
    """One thing that stands out.

    Attributes:
        kind: what it is.
        severity: how much it matters.
        title: the finding in one short sentence, without a full stop.
        evidence: the figures that prove it, and what they mean.
        affected: how many connects it is about.
        group_by: the grouping (`GROUPINGS`) in which it is one row.
        keys: raw keys (dtype `KEY`) that it is about, the busiest first, at most `MAX_KEYS`.
    """

    kind: Kind
    severity: Severity
    title: str
    evidence: str
    affected: int
    group_by: str
    keys: tuple[bytes, ...]

    def identity(self, group_by: str | None = None) -> bytes:
        """Give the identity (`View.identity`) of its first key's row in a grouping, its own by default."""
        key = np.frombuffer(self.keys[0], KEY)
        raw: bytes = GROUPINGS[group_by or self.group_by].merge(key)[0].tobytes()
        return raw

    @property
    def name(self) -> tuple[Kind, bytes]:
        """What stays the same of a finding from snapshot to snapshot."""
        return self.kind, self.identity()

    @property
    def rank(self) -> tuple[int, int, int, bytes]:
        """What findings are sorted by. The number of connects counts in powers of two: a calm order."""
        return -self.severity, self.kind, -self.affected.bit_length(), self.keys[0]


def plural(number: int, one: str, many: str = "") -> str:
    """Spell a number of things: `1 connect`, `1,204 connects`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
