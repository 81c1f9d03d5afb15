"""The filter language."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, join, random_records

from tcpconntop.core.view.filter import Filter, FilterError, parse_filter
from tcpconntop.core.window.keys import KEY, keys_from_events
from tcpconntop.core.wire import address_text

KEYS = keys_from_events(
    join(
        connect("10.2.3.4", 443, 1204, "nginx"),
        connect("10.12.3.4", 5432, 2443, "checkout"),
        connect("192.0.2.7", 80, 77, "curl"),
        connect("fd00:7::21", 8443, 880, "envoy"),
        connect("0.0.0.0", 1, 5, "Zulu time"),
        connect("a02:304::", 2, 6, "twin"),
    )
)
OTHER = np.zeros(1, KEY)
OTHER["special"] = 1


def hits(text: str) -> list[int]:
    return np.flatnonzero(parse_filter(text).match_keys(KEYS)).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("nginx", [0]),
        ("NGINX", [0]),
        ("443", [0, 1, 3]),  # a port, a pid, a part of a port
        ("10.2.3.4", [0]),
        ("0.2.3", [0]),
        ("2.3.4", [0, 1]),
        ("!443", [2, 4, 5]),
        ("comm=curl", [2]),
        ("comm=cur", []),
        ("comm=CURL", []),
        ("comm~UR", [2]),
        ("!comm~u", [0, 3, 5]),
        ("'comm=Zulu time'", [4]),
        ("'zulu t'", [4]),
        ("pid=77", [2]),
        ("pid=7", []),
        ("pid~7", [2]),
        ("dport=80", [2]),
        ("dport~43", [0, 1, 3]),
        ("daddr=10.2.3.4", [0]),
        ("daddr=fd00:7::21", [3]),
        ("daddr~2.3", [0, 1]),
        ("daddr=10.0.0.0/8", [0, 1]),
        ("daddr:192.0.2.7", [2]),
        ("dest:10.0.0.0/8", [0, 1]),
        ("dest=10.0.0.0/8", [0, 1]),
        ("dest:10.2.0.0/16,192.0.2.0/24", [0, 2]),
        ("'dest:10.2.0.0/16, 192.0.2.0/24'", [0, 2]),
        ("!dest:0.0.0.0/0", [3, 5]),
        ("dest:fd00::/8", [3]),
        ("dest:::/0", [3, 5]),
        ("dest:10.2.3.4/31", [0]),
        ("dest:10.2.3.5/8", [0, 1]),
        ("fd00:7::21", [3]),
        ("7::2", [3]),
        ("dest:10.0.0.0/8 comm=nginx", [0]),
        ("dest:10.0.0.0/8 !comm=nginx", [1]),
        ("p99>5ms", [0, 1, 2, 3, 4, 5]),
        ("dest:::ffff:10.2.3.4", [0]),
        ("daddr=::ffff:a02:304", [0]),
        ("dest:::ffff:10.0.0.0/104", [0, 1]),
        ("dest:::ffff:0:0/96", [0, 1, 2, 4]),
        ("daddr=FD00:7:0::21", [3]),
        ("pid=077", [2]),
        ("dport=0080", [2]),
    ],
)
def test_given_a_filter_about_keys_then_it_lets_these_pass(text, expected):
    assert hits(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99>5ms", [2, 3]),
        ("p99>=5ms", [1, 2, 3]),
        ("p99<5ms", [0]),
        ("p99<=5000us", [0, 1]),
        ("p99=5ms", [1]),
        ("p99=5000µs", [1]),
        ("p99>1.5s", [3]),
        ("!p99>5ms", [0, 1, 4]),
        ("fail>1%", [1, 2, 3, 4]),
        ("fail=100%", [4]),
        ("count>1k", [2]),
        ("count=20", [0]),
        ("p99>1ms count<1k", [1, 3]),
        ("nginx", [0, 1, 2, 3, 4]),
    ],
)
def test_given_a_filter_about_metrics_then_it_lets_these_pass(text, expected):
    metrics = {
        "p99": np.array([900.0, 5_000.0, 1_030_000.0, 2_000_000.0, np.nan]),
        "fail": np.array([0.0, 0.02, 0.5, 0.9, 1.0]),
        "count": np.array([20.0, 30.0, 2_000.0, 40.0, 50.0]),
    }
    assert np.flatnonzero(parse_filter(text).match_metrics(metrics, 5)).tolist() == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("p99>fast", "p99>fast"),
        ("p99>5xs", "p99>5xs"),
        ("p99>", "p99>"),
        ("p99>-5", "p99>-5"),
        ("comm=", "comm="),
        ("comm>5", "comm"),
        ("p99~5", "p99"),
        ("dest>5", "dest"),
        ("dest:elsewhere", "elsewhere"),
        ("dest:10.0.0.0/33", "10.0.0.0/33"),
        ("nonsense=5", "nonsense"),
        ("daddr=elsewhere", "elsewhere"),
        ("pid=curl", "curl"),
        ("pid=4294967296", "4294967296"),
        ("dport=65536", "65536"),
        ("nginx !", "!"),
        ("'nginx", "quote"),
    ],
)
def test_given_a_term_that_cannot_be_understood_then_the_error_names_it_in_one_line(text, named):
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


LONG = "averyverylongprogramname"


@pytest.mark.parametrize(
    ("text", "has_note"),
    [(f"comm={LONG}", True), (f"comm~{LONG}", True), (LONG, False), (f"comm={LONG[:15]}", False)],
)
def test_a_name_of_over_15_letters_finds_what_the_kernel_kept_of_it(text, has_note):
    keys = keys_from_events(join(connect(comm=LONG[:15]), connect(comm="averyverylong"), connect(comm="b")))
    where = parse_filter(text)
    assert np.flatnonzero(where.match_keys(keys)).tolist() == [0]
    assert [LONG[:15] in note and "15" in note for note in where.notes] == [True] * has_note


def test_a_name_is_cut_at_15_bytes_as_the_kernel_does():
    name = "größenänderung-x"
    keys = keys_from_events(connect())
    keys["comm"] = name.encode()[:15]
    assert parse_filter(f"comm={name}").match_keys(keys).tolist() == [True]


def test_given_the_row_of_the_folded_keys_then_it_is_found_as_other_alone():
    for text, found in (
        ("other", True),
        ("comm~othe", True),
        ("0", False),
        ("dport=0", False),
        ("::", False),
    ):
        assert parse_filter(text).match_keys(OTHER).tolist() == [found], text
    assert parse_filter("dest:0.0.0.0/0,::/0").match_keys(OTHER).tolist() == [False]


def test_given_many_addresses_then_each_is_found_by_the_text_that_is_shown():
    keys = keys_from_events(random_records(300, 5_000))
    random = np.random.default_rng(1)
    octets = random.integers(0, 256, (300, 16)).astype(np.uint8)
    octets[::2, 4:] = 0
    keys["daddr"] = octets.view("V16").ravel()
    keys["family"] = np.where(np.arange(300) % 2, 6, 4)
    for at in range(0, 300, 7):
        text = address_text(keys[at]["daddr"].tobytes(), int(keys[at]["family"]))
        assert np.flatnonzero(parse_filter(f"daddr={text}").match_keys(keys)).tolist() == [at]


def test_given_no_keys_then_every_filter_gives_an_empty_mask():
    for text in ("", "nginx", "daddr~1", "dest:10.0.0.0/8", "p99>1"):
        assert parse_filter(text).match_keys(KEYS[:0]).shape == (0,)


def test_given_a_filter_then_it_keeps_what_was_written():
    assert parse_filter("  nginx  p99>5ms ").text == "nginx  p99>5ms"
    assert parse_filter("").terms == ()


def test_a_filter_within_another_has_the_terms_of_both_in_their_order():
    scope, more = parse_filter("dest:10.0.0.0/8"), parse_filter("'a b' p99>5ms")
    both = scope.narrowed(more)
    assert both == scope.narrowed(more)
    assert both.terms == scope.terms + more.terms
    assert [type(term) for term in parse_filter(both.text).terms] == [type(term) for term in both.terms]
    assert scope.narrowed(Filter()) is scope
    assert Filter().narrowed(more) is more
