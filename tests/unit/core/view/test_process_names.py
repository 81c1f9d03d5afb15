"""The names of processes that share a row: true, and the same from one frame to the next."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, snapshot

from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.process_names import names_of_row, names_text
from tcpconntop.core.view.spec import ViewSpec


def row_of(**connects):
    """Return the view of one destination; `connects` are the number of each process, by name and pid."""
    events = [
        connect(comm=name.rstrip("0123456789"), pid=pid, times=times)
        for pid, (name, times) in enumerate(connects.items(), 1)
    ]
    return make_view(snapshot(*events), ViewSpec())


@pytest.mark.parametrize(
    ("connects", "text"),
    [
        ({"nginx": 3}, "nginx"),
        ({"nginx1": 3, "nginx2": 9}, "nginx ×2"),
        ({"orders": 40, "invoices": 30}, "invoices, orders"),
        ({"orders1": 40, "orders2": 40, "invoices": 90}, "invoices, orders ×2"),
        ({"orders": 400, "agent": 10, "invoices": 30}, "orders, agent, invoices"),
    ],
)
def test_the_names_are_those_of_all_processes_the_busiest_first(connects, text):
    assert COLUMNS["comm"].text(row_of(**connects), 0) == text


def test_one_of_many_names_does_not_say_that_all_have_it():
    view = row_of(checkout=70, orders=80, agents=75, reports=2)
    column = COLUMNS["comm"]
    texts = [column.text_in(view, 0, width) for width in (50, 17, 12, 9)]
    assert texts == ["agents, checkout +2", "agents +3", "agents +3", "agents +3"]
    assert names_text((("report-worker", 1), ("x", 1)), 12) == "report-w… +1"


def test_names_with_about_as_many_connects_do_not_change_places():
    """GIVEN processes with 100 and 50 connects a minute WHEN they are counted often THEN one name leads."""
    random = np.random.default_rng(3)
    first = {
        names_of_row(row_of(search=random.poisson(100), indexer=random.poisson(50)), 0)[0][0]
        for _ in range(25)
    }
    assert first == {"indexer"}


def test_rows_are_sorted_by_the_name_that_is_seen_first():
    events = [
        connect("10.0.0.1", pid=1, comm="zsh", times=9),
        connect("10.0.0.1", pid=2, comm="bash", times=8),
        connect("10.0.0.2", pid=3, comm="curl"),
    ]
    view = make_view(snapshot(*events), ViewSpec(sort="comm", descending=False))
    assert [COLUMNS["comm"].text(view, row) for row in range(2)] == ["bash, zsh", "curl"]
