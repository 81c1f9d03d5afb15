"""Reads the stream of one of several hosts in a thread of its own, and connects again when it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import printable
from tcpconntop.core.hosts import (
    BEHIND,
    CONNECTING,
    ENDED,
    GONE,
    LIVE,
    MAX_CLOCK_OFFSET_S,
    HostState,
)
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.recording.one_of_hosts import HostRead, OneOfHosts
from tcpconntop.recording.stream import Stream

MAX_WAITING_RECORDS = 100_000
"""How many records of a host wait to be taken; then its stream waits, and its kernel counts what is lost."""

MAX_WAITING_READS = 1_000

READ_S = 0.5
"""How long one wait for news lasts."""

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0

MAX_NOTE = 160
"""How many characters of what a host says about its end are kept."""


class Connection(Protocol):
    """A way to a host."""

    file: BinaryIO

    def close(self) -> None:
        """End it. Idempotent; may be called from any thread."""
        ...

    def why(self) -> str:
        """Return what it said before its end, in one line; empty for nothing."""
        ...


class Feed:
    """The stream of one host.

    Args:
        number: the number of the host, from 1.
        name: its name.
        connect: opens the way to it; raises OSError if there is none.
        again: True if it is connected to again after an end.
        arrived: called when there is something to take, or the state has changed.
        say: called with a line for the user when the state has changed.
        wall_ns: our Unix time in nanoseconds.
    """

    def __init__(
        self,
        number: int,
        name: str,
        connect: Callable[[], Connection],
        *,
        again: bool,
        arrived: Callable[[], None],
        say: Callable[[str], object] = lambda _: None,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self._one = OneOfHosts(number, name)
        self._connect, self._again, self._arrived = connect, again, arrived
        self._say, self._wall_ns = say, wall_ns
        self._changed = threading.Condition()
        self._waiting: list[HostRead] = []
        self._waiting_records = 0
        self._state, self._note, self._missing, self._behind_s = CONNECTING, "", 0, 0
        self._offset_ns: int | None = None  # its clock minus ours
        self._correction_ns = 0
        self._gaps = 0
        self._connection: Connection | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed {number}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    @property
    def ended(self) -> bool:
        """True if nothing more comes."""
        return self._state == ENDED and not self._waiting

    def take(self) -> list[HostRead]:
        """Return what has come since the last call, in order."""
        with self._changed:
            taken, self._waiting, self._waiting_records = self._waiting, [], 0
            self._changed.notify_all()
        return taken

    def ledger(self) -> Ledger:
        """Return its totals. The next `take` returns every record that they count."""
        with self._changed:
            return self._one.ledger(self._missing)

    def host(self) -> HostState:
        """Return what is known of it."""
        with self._changed:
            offset_s = None if self._offset_ns is None else round(self._offset_ns / SECOND_NS, 2)
            state = BEHIND if self._state == LIVE and self._behind_s else self._state
            one = self._one.state(state, self._missing)
            return replace(
                one, behind_s=self._behind_s, clock_offset_s=offset_s, note=self._note or self._gaps_text()
            )

    def _gaps_text(self) -> str:
        times = "once" if self._gaps == 1 else f"{self._gaps} times"
        return f"was gone {times}: its connects in between are missing" if self._gaps else ""

    def request_end(self) -> None:
        """Make the thread end soon."""
        self._closing.set()

    def close(self) -> None:
        """Stop, and wait a moment for the thread. Idempotent."""
        self._closing.set()
        with self._changed:
            connection = self._connection
            self._changed.notify_all()
        if connection is not None:
            connection.close()
        if self._thread.ident is not None:
            self._thread.join(READ_S)

    # In the thread

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._closing.is_set():
            began, why = self._receive_all()
            if self._closing.is_set() or not self._again:
                self._become(ENDED, why)
                return
            retry_s = FIRST_RETRY_S if began else retry_s
            self._become(GONE, why or "its stream has ended")
            self._closing.wait(retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)

    def _become(self, state: str, note: str = "") -> None:
        note = printable(" ".join(note.split()))[:MAX_NOTE]
        with self._changed:
            changed = (state, note) != (self._state, self._note) and state not in (CONNECTING, self._state)
            self._state, self._note, self._behind_s = state, note, 0
        if changed and not self._closing.is_set():
            self._say(f"{self.name}: {state}{': ' if note else ''}{note}")
        self._arrived()

    def _receive_all(self) -> tuple[bool, str]:
        """Connect and receive until the end; return whether a recording came, and why it ended."""
        try:
            connection = self._connect()
        except OSError as error:
            return False, error.strerror or str(error)
        with self._changed:
            self._connection = connection
        stream = None
        try:
            stream = Stream(Path(self.name), connection.file)
            self._begin(stream)
            while not (stream.ended or self._closing.is_set()):
                self._receive(stream)
            notes = [note for note in stream.info.notes if note not in stream.header.info.notes]
            return True, connection.why() or "; ".join(notes)
        except (FatalError, OSError, ValueError, MemoryError) as error:
            # Whatever a host sends ends its own stream, and nothing else.
            return stream is not None, connection.why() or str(error) or type(error).__name__
        finally:
            if stream is not None:
                stream.close()
            connection.close()

    def _begin(self, stream: Stream) -> None:
        began_ns = stream.header.began_ns + stream.header.wall_offset_ns
        with self._changed:
            self._gaps += self._offset_ns is not None
            self._offset_ns = None
            self._correction_ns = 0
            self._one.begin(stream.header, missing=self._missing)
            self._missing = 0
        self._compare_clocks(began_ns)
        self._become(LIVE)

    def _receive(self, stream: Stream) -> None:
        read = stream.recorded_read(READ_S)
        with self._changed:
            self._behind_s = stream.info.behind_s
            self._missing = stream.missing
        if read is None:
            return
        if read.ledger is not None:  # it was sent at that moment
            self._compare_clocks(read.now_ns + stream.header.wall_offset_ns)
        with self._changed:
            self._changed.wait_for(lambda: self._has_room() or self._closing.is_set())
            translated = self._one.translate(read)
            translated.count()
            if read.ledger is not None:
                translated = replace(translated, total=self._one.ledger(self._missing))
            self._waiting.append(translated)
            self._waiting_records += len(read.events)
        self._arrived()

    def _has_room(self) -> bool:
        return self._waiting_records < MAX_WAITING_RECORDS and len(self._waiting) < MAX_WAITING_READS

    def _compare_clocks(self, sent_ns: int) -> None:
        """Compare a time of the host with ours. The fastest news tell the most: their way took the least."""
        ahead_ns = sent_ns - self._wall_ns()
        with self._changed:
            if self._offset_ns is None or ahead_ns > self._offset_ns:
                self._offset_ns = ahead_ns
            wrong_ns = self._offset_ns + self._correction_ns
            if abs(wrong_ns) > MAX_CLOCK_OFFSET_S * SECOND_NS:
                self._correction_ns = -self._offset_ns
                self._one.correct(self._correction_ns)
