"""Filters that can never match are usage errors."""

from __future__ import annotations

import pytest

from tcpconntop.commands.view import filter_from_args
from tcpconntop.options import UsageError, parse


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-4", "--dest", "fd00::/8"], "-4 and --dest fd00::/8 exclude each other"),
        (["-6", "--dest", "10.0.0.0/8,::ffff:10.0.0.1"], "-6 and --dest"),
        (["--dest", "elsewhere"], "'elsewhere'"),
        (["--filter", "pid=curl"], "'curl'"),
        (["--filter", "port=70000"], "'70000'"),
    ],
)
def test_what_no_connect_can_match_is_an_error_of_one_line(words: list[str], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        filter_from_args(parse(words))
    assert named in str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_mapped_address_is_an_ipv4_one() -> None:
    assert filter_from_args(parse(["-4", "--dest", "::ffff:10.0.0.1"])).notes == ()


def test_a_long_name_has_a_note_in_every_way_to_write_it() -> None:
    for words in (["-c", "averyverylongprogramname"], ["--filter", "comm=averyverylongprogramname"]):
        assert len(filter_from_args(parse(words)).notes) == 1
