"""The fields of a key: their names in filters, columns and JSON, and how their values are read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tcpconntop.core.view.groups import Grouping, destination_text
from tcpconntop.core.window.keys import Keys, address_octets
from tcpconntop.core.wire import address_text, comm_text

UnitNames = Mapping[int, str | None]
"""Names of control groups by `cgroup_id`; None or absent where a name is not known."""

# The text of each octet in an IPv4 address: its digits and a dot, padded with NUL.
_OCTETS = np.array([f"{octet}." for octet in range(256)], "S4").view(np.uint8).reshape(256, 4)


@dataclass(frozen=True)
class KeyField:
    """A field of a key.

    Attributes:
        name: its name in filters and JSON, and the key of its column.
        dtype_field: its name in the dtype `KEY`.
        values: returns the field of each key as a list of hashable values.
        text: formats a value as filters compare it.
        json: returns its JSON value for the key of a row, as its grouping shows it.
        aliases: other names for it in filters and on the command line.
        filterable: True if filters can name it.
    """

    name: str
    dtype_field: str
    values: Callable[[Keys], list[Any]]
    text: Callable[[Any, UnitNames], str]
    json: Callable[[np.void, Grouping, UnitNames], Any]
    aliases: tuple[str, ...] = ()
    filterable: bool = True

    def texts(self, keys: Keys, units: UnitNames) -> list[str]:
        """Return the text of the field of each key."""
        return [self.text(value, units) for value in self.values(keys)]


def _address_texts(keys: Keys) -> list[str]:
    """Return the text of each address; formatting all IPv4 addresses in one array is ten times as fast."""
    octets = address_octets(keys)
    chars = _OCTETS[octets[:, :4]]
    chars[:, 3][chars[:, 3] == ord(".")] = ord("\n")
    texts: list[str] = chars[chars != 0].tobytes().decode("ascii").split("\n")[:-1]
    for index in np.flatnonzero(keys["family"] != 4):
        texts[index] = address_text(octets[index].tobytes(), int(keys["family"][index]))
    return texts


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
            values=_address_texts,
            text=lambda address, _: address,
            json=lambda key, grouping, _: destination_text(key, grouping),
            aliases=("dest",),
        ),
        _number_field("family", "family", filterable=False),
        _number_field("dport", "dport", aliases=("port",)),
        KeyField(
            "unit",
            "cgroup_id",
            values=lambda keys: keys["cgroup_id"].tolist(),
            text=lambda cgroup_id, units: units.get(cgroup_id) or "",
            json=lambda key, _, units: units.get(int(key["cgroup_id"])),
        ),
    )
}
"""Every field by name, in the order of the fields of JSON rows and CSV."""

FILTERABLE = {name: field for name, field in FIELDS.items() if field.filterable}

ALIASES = {alias: field.name for field in FIELDS.values() for alias in field.aliases}
"""The name of a field by its alias: `-g dest` and `dest:` mean the column `daddr`."""
