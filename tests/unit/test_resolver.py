"""Names in the background: bounded, kept, and never waited for."""

from __future__ import annotations

import threading

import pytest

from tcpconntop.tui.resolver import MAX_QUEUE, MAX_THREADS, NAME_S, NO_NAME_S, Resolver

PATIENCE_S = 10


class Asked:
    """Answers when it is told to, and knows what it was asked."""

    def __init__(self, answers=None):
        self.answers, self.asked = answers or {}, []
        self.may_answer, self.answered = threading.Event(), threading.Semaphore(0)
        self.began = threading.Semaphore(0)

    def __call__(self, address):
        self.asked.append(address)
        self.began.release()
        assert self.may_answer.wait(PATIENCE_S)
        try:
            return self.answers[address]
        except KeyError:
            raise OSError from None


def made(answers=None, now_s=(0.0,)):
    clock, asked, found = list(now_s), Asked(answers), threading.Semaphore(0)
    return Resolver(found.release, asked, lambda: clock[0]), asked, found, clock


def test_given_an_address_then_its_name_comes_later_and_is_kept():
    """GIVEN a resolver WHEN a name is asked for THEN it comes later, and nobody asks again."""
    resolver, asked, found, clock = made({"10.0.0.1": "api.internal.", "10.0.0.2": "10.0.0.2"})
    assert resolver.name("10.0.0.1") == resolver.name("10.0.0.1") == ""
    asked.may_answer.set()
    assert found.acquire(timeout=PATIENCE_S)
    assert resolver.name("10.0.0.1") == "api.internal"
    clock[0] = NAME_S - 1
    assert resolver.name("10.0.0.1") == "api.internal"
    assert asked.asked == ["10.0.0.1"]
    clock[0] = NAME_S
    assert resolver.name("10.0.0.1") == "api.internal"  # the old one until there is another
    assert asked.began.acquire(timeout=PATIENCE_S)
    assert asked.began.acquire(timeout=PATIENCE_S)
    assert asked.asked == ["10.0.0.1"] * 2
    resolver.close()


@pytest.mark.parametrize("answer", [{}, {"10.0.0.1": "10.0.0.1"}])
def test_given_no_name_then_that_is_kept_too_and_for_less_long(answer):
    """GIVEN an address without a name WHEN it is asked for again THEN nobody is asked until a while later."""
    resolver, asked, found, clock = made({**answer, "10.0.0.9": "other"})
    asked.may_answer.set()
    assert resolver.name("10.0.0.1") == ""
    assert asked.began.acquire(timeout=PATIENCE_S)
    assert resolver.name("10.0.0.9") == ""
    assert found.acquire(timeout=PATIENCE_S)  # of the other one: this one changed nothing
    for _ in range(1000):
        resolver.name("10.0.0.1")
    assert asked.asked.count("10.0.0.1") <= 2
    before = asked.asked.count("10.0.0.1")
    clock[0] = 2 * NO_NAME_S
    resolver.name("10.0.0.1")
    while asked.asked.count("10.0.0.1") == before:
        assert asked.began.acquire(timeout=PATIENCE_S)
    assert not found.acquire(blocking=False)
    resolver.close()


def test_given_very_many_addresses_then_few_are_asked_for_at_once_and_the_oldest_are_dropped():
    """GIVEN a name server that is slow WHEN very many names are asked for THEN the oldest are dropped."""
    addresses = [f"10.0.{i // 256}.{i % 256}" for i in range(1_000)]
    resolver, asked, found, _ = made({address: f"host-{address}" for address in addresses})
    for address in addresses[:MAX_THREADS]:
        resolver.name(address)
    for _ in range(MAX_THREADS):
        assert asked.began.acquire(timeout=PATIENCE_S)
    for address in addresses[MAX_THREADS:]:
        resolver.name(address)
    assert len(asked.asked) == MAX_THREADS
    asked.may_answer.set()
    for _ in range(MAX_THREADS + MAX_QUEUE):
        assert found.acquire(timeout=PATIENCE_S)
    assert not found.acquire(blocking=False)
    assert set(asked.asked[MAX_THREADS:]) == set(addresses[-MAX_QUEUE:])
    resolver.close()


def test_given_a_resolver_that_was_closed_then_its_threads_end_and_nothing_is_told():
    """GIVEN a lookup under way WHEN the resolver is closed THEN its threads end, and nobody waits."""
    before = set(threading.enumerate())
    resolver, asked, found, _ = made({"10.0.0.1": "late"})
    resolver.name("10.0.0.1")
    assert asked.began.acquire(timeout=PATIENCE_S)
    workers = set(threading.enumerate()) - before
    assert len(workers) == 1
    assert all(worker.daemon for worker in workers)
    resolver.close()
    asked.may_answer.set()
    for worker in workers:
        worker.join(PATIENCE_S)
        assert not worker.is_alive()
    assert not found.acquire(blocking=False)
    assert resolver.name("10.0.0.2") == ""
    assert set(threading.enumerate()) <= before


def test_given_a_hostile_name_then_it_is_made_safe():
    """GIVEN a name with escape sequences WHEN it is shown THEN there are none left, and it is not endless."""
    resolver, asked, found, _ = made({"10.0.0.1": "\x1b[31m[red]evil" + "x" * 1000})
    asked.may_answer.set()
    resolver.name("10.0.0.1")
    assert found.acquire(timeout=PATIENCE_S)
    name = resolver.name("10.0.0.1")
    assert name.isprintable()
    assert name.startswith("·[31m[red]evilx")
    assert len(name) == 253
    resolver.close()
