"""Destinations: address and port, and the network namespace where one address can be two hosts."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.format import printable
from tcpconntop.core.places import Places
from tcpconntop.core.types import Mask, Rows
from tcpconntop.core.view.groups import GROUPINGS, Grouping
from tcpconntop.core.window.host import LOOPBACK_6
from tcpconntop.core.window.keys import Keys, address_octets
from tcpconntop.core.wire import N_OUTCOMES, Outcome

_PLACE = Grouping("place", "destination and namespace", (*GROUPINGS["dest"].fields, "netns"))


def merge_destinations(keys: Keys, outcomes: Rows) -> tuple[Keys, Rows]:
    """Merge keys by destination, and by network namespace where one address is not surely one host.

    The same address in two namespaces may be two hosts. It is taken for one unless it is of the loopback or
    link-local, or connects succeed in one of the namespaces and not in another, or fail in other ways.

    Args:
        keys: n keys.
        outcomes: ended attempts of each, indexed by `Outcome`, shape (n, 6).

    Returns:
        The destinations, shape (d,), with `netns` 0 where all namespaces are merged; and the destination of
        each key, shape (n,).
    """
    dests, dest_of = GROUPINGS["dest"].merge(keys)
    if not len(keys) or (keys["netns"] == keys["netns"][0]).all():
        return dests, dest_of
    places, place_of = _PLACE.merge(keys)
    dest_of_place = np.zeros(len(places), np.int64)
    dest_of_place[place_of] = dest_of
    happened = np.zeros((len(places), N_OUTCOMES), np.bool_)
    np.logical_or.at(happened, place_of, outcomes > 0)
    succeeds = happened[:, Outcome.OK]
    n_places, n_succeed = (np.bincount(dest_of_place, values, len(dests)) for values in (None, succeeds))
    n_fail = np.stack([np.bincount(dest_of_place, column, len(dests)) for column in happened.T], axis=1)
    fail_differently = ((n_fail > 0) & (n_fail < n_places[:, np.newaxis])).any(axis=1)
    differ = np.where(n_succeed > 0, n_succeed < n_places, fail_differently)
    apart = (n_places > 1) & (differ | is_of_one_namespace(dests))
    codes = np.where(apart[dest_of], len(dests) + place_of, dest_of)
    _, first, group_of = np.unique(codes, return_index=True, return_inverse=True)
    chosen = dests[dest_of[first]]
    chosen["netns"] = np.where(apart[dest_of[first]], keys["netns"][first], 0)
    return chosen, group_of.reshape(-1)


def place_text(netns: int, places: Places) -> str:
    """Format where a destination is another host than elsewhere: a network namespace, or a whole host."""
    host = places.host(netns)
    if host and not places.inode(netns):
        return f"host {printable(host)}"
    return f"netns {places.namespace(netns)}"


def is_of_one_namespace(dests: Keys) -> Mask:
    """Return which addresses every network namespace has for itself, shape (n,): loopback and link-local."""
    octets = address_octets(dests)
    loopback = (octets[:, 0] == 127) | ((octets[:, 0] == 169) & (octets[:, 1] == 254))
    loopback_6 = (octets == np.frombuffer(LOOPBACK_6, np.uint8)).all(axis=1)
    link_local_6 = (octets[:, 0] == 0xFE) & (octets[:, 1] & 0xC0 == 0x80)
    local: Mask = np.where(dests["family"] == 4, loopback, loopback_6 | link_local_6)
    return local
