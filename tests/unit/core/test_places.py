"""Names of interfaces and network namespaces."""

from __future__ import annotations

from tcpconntop.core.places import NO_PLACES, Places

PLACES = Places(
    {(10, 2): "eth0", (20, 2): "eth0", (10, 3): "va", (20, 3): "vb", (30, 2): "eth0", (30, 4): ""}
)


def test_an_interface_has_its_name_in_its_namespace_and_else_its_index() -> None:
    assert [PLACES.interface(10, 3), PLACES.interface(20, 3)] == ["va", "vb"]
    assert [PLACES.interface(30, 4), PLACES.interface(40, 3), NO_PLACES.interface(10, 3)] == ["4", "3", "3"]


def test_without_a_namespace_an_interface_has_a_name_only_if_all_namespaces_agree() -> None:
    assert PLACES.interface(0, 2) == "eth0"
    assert PLACES.interface(0, 3) == "3"
    assert PLACES.updated(Places({(40, 2): ""})).interface(0, 2) == "2"


def test_a_namespace_has_its_name_or_its_number() -> None:
    places = Places(namespaces={10: "host"})
    assert [places.namespace(10), places.namespace(20), places.namespace(0)] == ["host", "20", "-"]


def test_what_is_new_makes_the_old_names_the_new_ones() -> None:
    old, new = (
        Places({(1, 2): "a", (1, 3): "b"}, {5: "x"}),
        Places({(1, 2): "a", (1, 3): "c"}, {5: "x", 6: "y"}),
    )
    assert new.since(old) == Places({(1, 3): "c"}, {6: "y"})
    assert old.updated(new.since(old)) == new
    assert old.updated(NO_PLACES) is old
