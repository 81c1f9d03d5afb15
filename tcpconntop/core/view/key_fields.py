"""The fields of a key: their names in filters, columns and JSON, and how their values are read. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpconntop.core.hosts import only_host
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.partial_keys import PARTIAL, is_partial, partial_address_text
from tcpconntop.core.places import Names
from tcpconntop.core.view.groups import Grouping, destination_text
from tcpconntop.core.wire import address_text, comm_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from tcpconntop.core.window import keys as all_keys
    from tcpconntop.core.window.keys import Keys
else:
    all_keys = lazy("tcpconntop.core.window.keys")


@dataclass(frozen=True)
class KeyField:
    """A field of a key.

    Attributes:
        name: its name in filters and JSON, and the key of its column.
        dtype_field: its name in the dtype `KEY`, or `host`, which is a part of `netns`.
        values: returns the field of each key as a list of hashable values.
        text: formats a value as filters compare it.
        json: returns its JSON value for the key of a row, as its grouping shows it.
        aliases: other names for it in filters and on the command line.
        filterable: True if filters can name it.
        other_text: formats a value in another way that filters accept; empty for none.
        searched: True if a word without a field is searched for in it.
    """

    name: str
    dtype_field: str
    values: Callable[[Keys], list[Any]]
    text: Callable[[Any, Names], str]
    json: Callable[[np.void, Grouping, Names], Any]
    aliases: tuple[str, ...] = ()
    filterable: bool = True
    other_text: Callable[[Any, Names], str] = lambda *_: ""
    searched: bool = True

    def texts(self, keys: Keys, names: Names) -> list[str]:
        """Return the text of the field of each key."""
        return [self.text(value, names) for value in self.values(keys)]


class _ScopedAddress(NamedTuple):
    """A link-local address: the same one may be another host on another interface."""

    text: str
    netns: int
    scope_id: int


@cache
def _octet_texts() -> npt.NDArray[np.uint8]:
    """Return the text of each octet in an IPv4 address: its digits and a dot, padded with NUL."""
    texts = np.array([f"{octet}." for octet in range(256)], "S4")
    return texts.view(np.uint8).reshape(256, 4)


def _addresses(keys: Keys) -> list[str | _ScopedAddress]:
    """Return the text of each address; formatting all IPv4 addresses in one array is ten times as fast."""
    octets = all_keys.address_octets(keys)
    chars = _octet_texts()[octets[:, :4]]
    chars[:, 3][chars[:, 3] == ord(".")] = ord("\n")
    texts: list[str | _ScopedAddress] = [*chars[chars != 0].tobytes().decode("ascii").split("\n")[:-1]]
    for index in np.flatnonzero((keys["family"] != 4) | is_partial(keys)):
        text = address_text(octets[index].tobytes(), int(keys["family"][index]))
        netns, scope_id = int(keys["netns"][index]), int(keys["scope_id"][index])
        if scope_id >= PARTIAL:
            texts[index] = partial_address_text(text, scope_id)
            continue
        texts[index] = _ScopedAddress(text, netns, scope_id) if scope_id else text
    return texts


def _address_text(address: str | _ScopedAddress, names: Names) -> str:
    if isinstance(address, str):
        return address
    return f"{address.text}%{names.places.interface(address.netns, address.scope_id)}"


def _host(netns: int, names: Names) -> str:
    return names.places.host(netns) or names.host


def _number_field(name: str, dtype_field: str, **options: Any) -> KeyField:
    return KeyField(
        name,
        dtype_field,
        values=lambda keys: keys[dtype_field].tolist(),
        text=lambda number, _: str(number),
        json=lambda key, *_: int(key[dtype_field]),
        **options,
    )


FIELDS: dict[str, KeyField] = {
    field.name: field
    for field in (
        _number_field("pid", "tgid"),
        KeyField(
            "comm",
            "comm",
            values=lambda keys: keys["comm"].tolist(),
            text=lambda comm, _: comm_text(comm),
            json=lambda key, *_: comm_text(bytes(key["comm"])),
            aliases=("process",),
        ),
        KeyField(
            "daddr",
            "daddr",
            values=_addresses,
            text=_address_text,
            json=lambda key, grouping, names: destination_text(key, grouping, names.places),
            aliases=("dest",),
        ),
        _number_field("family", "family", filterable=False),
        _number_field("dport", "dport", aliases=("port",)),
        KeyField(
            "unit",
            "cgroup_id",
            values=lambda keys: keys["cgroup_id"].tolist(),
            text=lambda cgroup_id, names: names.units.get(cgroup_id) or "",
            json=lambda key, _, names: names.units.get(int(key["cgroup_id"])),
        ),
        KeyField(
            "netns",
            "netns",
            values=lambda keys: keys["netns"].tolist(),
            text=lambda netns, names: str(names.places.inode(netns)),
            json=lambda key, _, names: names.places.inode(int(key["netns"])),
            other_text=lambda netns, names: names.places.namespaces.get(netns, ""),
            searched=False,
        ),
        KeyField(
            "host",
            "host",
            values=lambda keys: only_host(keys["netns"]).tolist(),
            text=_host,
            json=lambda key, _, names: _host(int(key["netns"]), names) or None,
            searched=False,  # else a word would find everything where the only host is called so
        ),
    )
}
"""Every field by name, in the order of the fields of JSON rows and CSV."""

FILTERABLE = {name: field for name, field in FIELDS.items() if field.filterable}

ALIASES = {alias: field.name for field in FIELDS.values() for alias in field.aliases}
"""The name of a field by its alias: `-g dest` and `dest:` mean the column `daddr`."""
