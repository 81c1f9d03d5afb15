"""The output of `log`: one line per connect. tcpconnlat's columns come first: its parsers still work."""

from __future__ import annotations

from typing import TextIO

import numpy as np

from tcpconntop.core.analysis.anatomy import anatomy
from tcpconntop.core.analysis.errnos import errno_name
from tcpconntop.core.cells import fit
from tcpconntop.core.format import printable
from tcpconntop.core.places import Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.groups import key_address_text
from tcpconntop.core.wire import Events, Outcome, address_text, comm_text
from tcpconntop.outputs.document import dump, event_documents, in_batches
from tcpconntop.sources.base import Source, names_of


class Log:
    """Prints each published batch of records.

    Args:
        out: where to print.
        where: which connects to print; its terms about metrics of rows do not apply.
        as_json: print one JSON document per line instead of columns.
        timestamps: begin each line with the seconds since the first connect.
        local_ports: show the local port, which finds the connect in a packet capture.
        hosts: name the host of each connect, in a last column.
        header_every: repeat the header after this many lines; None prints it once.
    """

    def __init__(
        self,
        out: TextIO,
        where: Filter,
        *,
        as_json: bool = False,
        timestamps: bool = False,
        local_ports: bool = False,
        hosts: bool = False,
        header_every: int | None = None,
    ) -> None:
        self._out = out
        self._where = where
        self._as_json = as_json
        self._timestamps = timestamps
        self._local_ports = local_ports
        self._hosts = hosts
        self._header_every = None if as_json else header_every
        self._since_header = 0
        self._first_ns: int | None = None

    def header(self) -> None:
        """Print the header line; JSON has none."""
        if not self._as_json:
            print(self._header(), file=self._out, flush=True)

    def _header(self) -> str:
        time = f"{'TIME(s)':<9}" if self._timestamps else ""
        lport = f"{'LPORT':<6} " if self._local_ports else ""
        return (
            f"{time}{'PID':<7} {'COMM':<12} {'IP':<2} {'SADDR':<16} {lport}{'DADDR':<16} {'DPORT':<5} "
            f"{'LAT(ms)':<9} {'RESULT':<11} {'RTX':<3} {'ERRNO        HOST' if self._hosts else 'ERRNO'}"
        )

    def publish(self, events: Events, source: Source) -> None:
        """Print a batch of records of a source."""
        names = names_of(source)
        events = events[self._where.match_connects(events, names)]
        if not len(events):
            return
        for batch in in_batches(events):
            if self._as_json:
                documents = event_documents(batch, source.wall_offset_ns(), names.units, names.places)
                lines = [dump(document) for document in documents]
            else:
                lines = self._with_headers(self._lines(batch, names.places))
            self._out.write("\n".join([*lines, ""]))
        self._out.flush()

    def _with_headers(self, lines: list[str]) -> list[str]:
        every = self._header_every
        if every is None:
            return lines
        result = []
        for line in lines:
            if self._since_header == every:
                result.append(self._header())
                self._since_header = 0
            result.append(line)
            self._since_header += 1
        return result

    def _lines(self, events: Events, places: Places) -> list[str]:
        latency_us = anatomy(events).latency
        if self._first_ns is None:
            self._first_ns = int(events["end_ns"][0])
        lines = []
        for event, latency in zip(events, latency_us, strict=True):
            family = int(event["family"])
            since_s = (int(event["end_ns"]) - self._first_ns) / SECOND_NS
            time = f"{since_s:<9.3f}" if self._timestamps else ""
            lport = f"{event['lport']:<6} " if self._local_ports else ""
            saddr, daddr = address_text(event["saddr"].tobytes(), family), key_address_text(event, places)
            lines.append(
                f"{time}{event['tgid']:<7} {fit(printable(comm_text(bytes(event['comm']))), 12)} {family:<2} "
                f"{saddr:<16} {lport}{daddr:<16} {event['dport']:<5} {latency / 1000:<9.2f} "
                f"{Outcome(event['outcome']).label:<11} {event['syn_retransmits']:<3} "
                f"{self._last_columns(event, places)}"
            )
        return lines

    def _last_columns(self, event: np.void, places: Places) -> str:
        errno = errno_name(int(event["error"])) or "-"
        return f"{errno:<12} {printable(places.host(int(event['netns'])))}" if self._hosts else errno
