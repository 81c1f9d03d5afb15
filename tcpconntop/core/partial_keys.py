"""Keys of which the destination is known only in part: counts of a whole subnet, port or unit. Pure.

Such keys have no field for what is missing. `scope_id`, the index of an interface, is below 2**31 in every
record; above, it says what the address of a key is: a subnet, nothing, or all that was counted as `other`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcpconntop.core.types import Mask
    from tcpconntop.core.window.keys import Keys

PARTIAL = 1 << 31
"""From this `scope_id` on, the address is no single one; below it is the length of the subnet's prefix."""

NO_ADDRESS, OTHER_ADDRESS = PARTIAL | 254, PARTIAL | 255
"""The `scope_id` of a key without an address, and of what a counter of `other` has."""

NO_ADDRESS_TEXT, OTHER_TEXT = "-", "other"


def is_partial(keys: Keys) -> Mask:
    """Return which keys have no single address, shape (n,)."""
    partial: Mask = keys["scope_id"] >= PARTIAL
    return partial


def partial_address_text(address: str, scope_id: int) -> str:
    """Format the address of such a key: `10.0.0.0/24`, `-` or `other`."""
    if scope_id == OTHER_ADDRESS:
        return OTHER_TEXT
    return NO_ADDRESS_TEXT if scope_id == NO_ADDRESS else f"{address}/{scope_id - PARTIAL}"
