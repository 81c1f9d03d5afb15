"""The table that numbers keys."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, join, key_of, random_records

from tcpconntop.core.window.keys import KEY, KEY_FIELDS, OTHER_ROW, KeyTable, hash_fields, keys_from_events


def test_given_many_keys_in_many_batches_then_each_has_one_row_and_each_row_its_key():
    table, row_by_key = KeyTable(60_000), {}
    for seed in range(12):
        events = random_records(3_000, 20_000, seed)
        rows, full = table.find_or_add(events)
        assert not full
        for record, row in zip(events, rows.tolist(), strict=True):
            assert row_by_key.setdefault(key_of(record), row) == row
            assert row != OTHER_ROW
    assert len(set(row_by_key.values())) == len(row_by_key) == len(table) - 1
    for key, row in row_by_key.items():
        assert key_of(table.keys[row]) == key


def test_given_a_key_when_it_comes_twice_in_one_batch_then_it_is_added_once():
    table = KeyTable()
    rows, _ = table.find_or_add(join(connect(times=3), connect(pid=2), connect()))
    assert len(table) == 3
    assert rows[0] == rows[1] == rows[2] == rows[4] != rows[3]


@pytest.mark.parametrize("field", [f for f in KEY_FIELDS if f != "family"])
def test_given_records_that_differ_in_one_field_of_the_key_then_they_have_different_rows(field):
    events = connect(times=2)
    events[field][1] = {"daddr": np.void(b"\x0a" + bytes(14) + b"\1"), "comm": b"curl2"}.get(field, 9)
    rows, _ = KeyTable().find_or_add(events)
    assert rows[0] != rows[1]


@pytest.mark.parametrize(
    "field", ["thread", "uid", "lport", "saddr", "begin_ns", "syn_retransmits", "error", "outcome"]
)
def test_given_records_that_differ_in_anything_else_then_they_share_a_row(field):
    events = connect(times=2)
    events[field][1] = {"saddr": np.void(b"\1" * 16), "thread": b"worker"}.get(field, 77)
    rows, _ = KeyTable().find_or_add(events)
    assert rows[0] == rows[1]


def test_given_a_key_and_its_record_then_both_hash_alike_only_by_the_same_words_of_their_fields():
    events = random_records(500, 500)
    by_key = hash_fields(keys_from_events(events), KEY_FIELDS)
    assert (
        len(np.unique(by_key))
        == len(np.unique(hash_fields(events, KEY_FIELDS)))
        == len(set(map(key_of, events)))
    )


def test_given_a_full_table_then_known_keys_keep_their_row_and_new_ones_go_to_other():
    table = KeyTable(max_keys=2)
    first, full = table.find_or_add(join(connect(pid=1), connect(pid=2)))
    assert not full
    rows, full = table.find_or_add(join(connect(pid=3), connect(pid=1), connect(pid=4), connect(pid=2)))
    assert full
    assert rows.tolist() == [OTHER_ROW, first[0], OTHER_ROW, first[1]]
    assert len(table) == 3


def test_given_more_new_keys_than_room_then_the_first_to_come_get_it():
    table = KeyTable(max_keys=2)
    rows, full = table.find_or_add(join(*(connect(pid=pid) for pid in (9, 9, 4, 7, 4))))
    assert full
    assert table.keys["tgid"].tolist() == [0, 9, 4]
    assert rows.tolist() == [1, 1, 2, OTHER_ROW, 2]


def test_given_keys_when_some_are_forgotten_then_the_others_are_found_in_their_new_rows():
    table = KeyTable(5_000)
    events = random_records(4_000, 3_000)
    old, _ = table.find_or_add(events)
    before = table.keys
    kept = np.arange(0, len(table), 3)
    new_row = table.keep(kept)
    assert (new_row[kept] == np.arange(len(kept))).all()
    assert (np.delete(new_row, kept) == OTHER_ROW).all()
    stay = old % 3 == 0
    rows, _ = table.find_or_add(events[stay])
    assert (rows == new_row[old[stay]]).all()
    assert len(table) == len(kept)
    assert (before[kept] == table.keys).all()
    again, _ = table.find_or_add(events[~stay])
    assert (again >= len(kept)).all()


def test_given_keys_that_were_returned_when_it_changes_then_that_does_not_change():
    table = KeyTable(3_000)
    table.find_or_add(random_records(1_500, 900))
    shown = table.keys
    copy = shown.copy()
    table.find_or_add(random_records(3_000, 3_000, seed=5))
    table.keep(np.array([0, 7, 9]))
    table.find_or_add(random_records(100, 3_000, seed=6))
    assert (shown == copy).all()


def test_given_a_fresh_table_then_row_zero_is_other():
    assert KeyTable().keys["special"].tolist() == [1]
    assert KEY.itemsize % 8 == 0


def test_given_slots_that_fill_up_to_the_end_then_the_search_goes_on_at_the_beginning():
    for seed in range(40):
        table = KeyTable()
        events = random_records(500, 65_536, seed)
        rows, _ = table.find_or_add(events)
        assert (table.find_or_add(events)[0] == rows).all()
        assert len(set(rows.tolist())) == len(table) - 1 == len(set(map(key_of, events)))


def started(at: int, begin_ns: int, comm: str, daddr: str = "10.0.0.1"):
    """Return a record of the process 100 that started at `at`, of a connect that began at `begin_ns`."""
    events = connect(daddr, comm=comm, end_ns=begin_ns + 250_000)
    events["process_start_ns"] = at
    return events


def names_of(table: KeyTable) -> list[bytes]:
    return table.keys["comm"][1:].tolist()


def test_given_a_process_that_renames_itself_then_it_is_one_key_with_the_newest_name():
    """Connects do not end in the order in which they began: the name of the last begin counts."""
    table = KeyTable()
    for number in range(300):
        rows, _ = table.find_or_add(started(5, 1_000 + number, f"worker-{number}"))
        assert rows.tolist() == [1]
    before = table.keys
    table.find_or_add(started(5, 900, "old"))
    assert names_of(table) == [b"worker-299"]
    table.find_or_add(join(started(5, 2_000, "newest"), started(5, 1_900, "newer")))
    assert names_of(table) == [b"newest"]
    assert before["comm"][1] == b"worker-299"  # what was published stays


def test_given_several_destinations_then_a_new_name_is_that_of_all():
    table = KeyTable()
    table.find_or_add(join(started(5, 1, "sh"), started(5, 2, "sh", "10.0.0.2"), started(6, 9, "sh")))
    table.find_or_add(started(5, 3, "curl", "10.0.0.3"))
    assert names_of(table) == [b"curl", b"curl", b"sh", b"curl"]
    table.find_or_add(started(5, 2, "sh", "10.0.0.4"))
    assert names_of(table) == [b"curl", b"curl", b"sh", b"curl", b"curl"]


def test_given_an_id_that_is_used_again_then_there_are_two_keys():
    table = KeyTable()
    rows, _ = table.find_or_add(join(started(5, 1, "curl"), started(6, 2, "curl")))
    assert rows[0] != rows[1]


def test_given_keys_that_are_forgotten_then_names_are_forgotten_too_and_learned_again():
    table = KeyTable()
    table.find_or_add(join(started(5, 5, "a"), started(6, 5, "b")))
    table.keep(np.array([OTHER_ROW, 2]))
    table.find_or_add(started(5, 1, "earlier"))
    assert names_of(table) == [b"b", b"earlier"]
