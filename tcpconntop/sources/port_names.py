"""The names of ports, from /etc/services; where that is missing there are none, and numbers are shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tcpconntop.core.format import printable
from tcpconntop.core.view.filter import Filter, parse_filter

SERVICES = Path("/etc/services")


def parse_services(text: str) -> tuple[dict[int, str], dict[str, int]]:
    """Read the TCP lines of services(5): the name of each port, and the port of each name and alias.

    What cannot be understood is passed over. The first name of a port, and the first port of a name, stay.
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
    """Give the name of each TCP port that has one."""
    return _services()[0]


def parse_filter_with_port_names(text: str) -> Filter:
    """Parse a filter in which ports may be named.

    Raises:
        FilterError: a term cannot be understood.
    """
    return parse_filter(text, _services()[1])
