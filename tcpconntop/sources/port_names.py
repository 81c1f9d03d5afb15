"""Names of TCP ports, from /etc/services; without that file, ports have no names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tcpconntop.core.format import printable
from tcpconntop.core.view.filter import Filter, parse_filter

SERVICES = Path("/etc/services")


def parse_services(text: str) -> tuple[dict[int, str], dict[str, int]]:
    """Return the name by port, and the port by name and alias, of the TCP lines of a services(5) file.

    Lines that cannot be parsed are skipped. If a port has several names, or a name several ports, the first
    one counts. Names are case-folded in the second mapping.
    """
    names: dict[int, str] = {}
    numbers: dict[str, int] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        number, _, protocol = words[1].partition("/") if len(words) > 1 else ("", "", "")
        if protocol == "tcp" and number.isdecimal() and 0 < int(number) < 65536:
            names.setdefault(int(number), printable(words[0]))
            for name in (words[0], *words[2:]):
                numbers.setdefault(name.casefold(), int(number))
    return names, numbers


@cache
def _services() -> tuple[Mapping[int, str], Mapping[str, int]]:
    try:
        text = SERVICES.read_text("utf-8", "replace")
    except OSError:
        text = ""
    names, numbers = parse_services(text)
    return MappingProxyType(names), MappingProxyType(numbers)


def port_names() -> Mapping[int, str]:
    """Return the name of each TCP port that has one."""
    return _services()[0]


def port_numbers() -> Mapping[str, int]:
    """Return the number of each name of a TCP port, case-folded."""
    return _services()[1]


def parse_filter_with_port_names(text: str, *, of_connects: bool = False) -> Filter:
    """Return a filter from text in which ports may have names, as in `dport=https`; see `parse_filter`.

    Raises:
        FilterError: a term cannot be parsed.
    """
    return parse_filter(text, port_numbers(), of_connects=of_connects)
