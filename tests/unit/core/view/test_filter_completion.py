"""How the words of a filter could go on, and where they stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import connect, snapshot

from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.view.filter_completion import completions, values_in_window
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.sources.port_names import parse_services

VALUES = {"comm": ["nginx", "node", "my app", "na\x1bme"], "daddr": ["10.0.0.1"], "unit": ["ssh.service"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("co", ["comm=", "count>"]),
        ("!un", ["!unit=", "!unreachable>"]),
        ("p99>5ms com", ["p99>5ms comm="]),
        ("comm=n", ["comm=nginx", "comm=node"]),
        ("comm~NG", ["comm~nginx"]),
        ("comm=", ["comm=nginx", "comm=node"]),  # what needs quotes, or cannot be shown, is not offered
        ("x !unit=s", ["x !unit=ssh.service"]),
        ("dest:1", ["dest:10.0.0.1"]),
        ("comm=nginx", []),
        ("comm=x", []),
        ("p99=1", []),
        ("", []),
        ("comm=nginx ", []),
    ],
)
def test_given_a_text_then_its_last_word_is_completed(text, expected):
    """GIVEN a filter that is being typed WHEN it is completed THEN fields and known values are offered."""
    assert completions(text, lambda field: VALUES.get(field, [])) == expected


def test_given_a_window_then_its_values_are_known_the_busiest_first():
    """GIVEN a window WHEN values of a field are asked for THEN all of it count, and no folded keys."""
    picture = snapshot(connect(comm="b"), connect(comm="a", times=3), connect(comm="c", times=2, unit=9))
    assert values_in_window(picture, "comm") == ["a", "c", "b"]
    assert values_in_window(replace(picture, units={9: "ssh.service"}), "unit") == ["", "ssh.service"]


def test_given_units_then_rows_are_found_by_them():
    """GIVEN names of control groups WHEN a unit is asked for THEN its rows alone are shown."""
    picture = replace(snapshot(connect(), connect("10.0.0.2", unit=9)), units={9: "ssh.service", 7: None})
    for text in ("unit=ssh.service", "!unit=ssh.service", "unit~SSH", "ssh"):
        assert len(make_view(picture, ViewSpec(where=parse_filter(text)))) == 1, text
    assert len(make_view(picture, ViewSpec(where=parse_filter("unit=x")))) == 0


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("nginx p99>x !curl", "p99>x"),
        ("  'comm=Zulu time' nope=1", "nope=1"),
        ("a 'b c", "'b c"),
        ("a !", "!"),
        ("dport=nope", "dport=nope"),
        ("a \\", "\\"),
    ],
)
def test_given_a_wrong_word_then_the_error_says_where_it_stands(text, wrong):
    """GIVEN a filter with a wrong word WHEN it is parsed THEN the error has the place of that word."""
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert text[caught.value.start : caught.value.end] == wrong


def test_given_services_then_ports_have_names_and_names_have_ports():
    """GIVEN lines of services(5) WHEN they are read THEN those of TCP count."""
    names, numbers = parse_services(
        "# comment\nhttps 443/tcp HTTPS-alt # x\nweb 443/tcp\ndomain 53/udp\n"
        "bad\nfar 70000/tcp\ne\x1b[1m 9/tcp\n\nx y/tcp"
    )
    assert names == {443: "https", 9: "e·[1m"}
    assert numbers["https-alt"] == numbers["web"] == 443
    assert "domain" not in numbers
    only = [connect(dport=443), connect(dport=80)]
    view = make_view(snapshot(*only), ViewSpec(where=parse_filter("dport=HTTPS", numbers)))
    assert view.keys["dport"].tolist() == [443]
