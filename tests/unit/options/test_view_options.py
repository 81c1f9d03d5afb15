"""Options of the view."""

from __future__ import annotations

import pytest

from tcpconntop.commands.view import view_spec_from_args
from tcpconntop.options import UsageError, parse


@pytest.mark.parametrize(
    "words", [["-O", "daddr,p99"], ["-b", "--columns", "daddr,p99"], ["demo", "-O", "daddr,p99"]]
)
def test_chosen_columns_are_in_the_view(words):
    """GIVEN a list of columns WHEN the command line is read THEN the view has them in that order."""
    assert view_spec_from_args(parse(words)).columns == ("daddr", "p99")


def test_without_columns_the_view_has_the_default_ones():
    """GIVEN no list WHEN the command line is read THEN the view has no choice."""
    assert view_spec_from_args(parse([])).columns == ()


def test_an_unknown_column_is_a_usage_error_that_lists_all_columns():
    """GIVEN an unknown column WHEN the command line is read THEN one line lists all columns."""
    with pytest.raises(UsageError) as caught:
        view_spec_from_args(parse(["-O", "daddr,p98"]))
    assert caught.value.exit_code == 2
    assert "'p98'" in str(caught.value)
    assert "refused, timeout" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--ignore", "family,gives-up"],
        ["-b", "--ignore", "family, gives-up"],
        ["demo", "--ignore=family,gives-up"],
    ],
)
def test_given_kinds_to_ignore_then_the_view_has_them(words):
    """GIVEN a list of kinds of findings WHEN the command line is read THEN the view ignores them."""
    assert view_spec_from_args(parse(words)).ignore == ("family", "gives-up")
    assert view_spec_from_args(parse([])).ignore == ()


def test_given_a_wrong_kind_then_it_is_a_usage_error_that_names_them_all():
    """GIVEN an unknown kind WHEN the command line is read THEN one line says which there are."""
    with pytest.raises(UsageError) as caught:
        view_spec_from_args(parse(["--ignore", "famly"]))
    assert caught.value.exit_code == 2
    assert "no finding is called 'famly'; there are: accept-queue, family, " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("word", "column"), [("dest", "daddr"), ("port", "dport"), ("process", "comm")])
def test_names_of_groupings_are_aliases_of_their_columns(word, column):
    """GIVEN the name of a grouping WHEN it is the sort column THEN its column is meant."""
    assert view_spec_from_args(parse(["-o", word])).sort == column
    spec = view_spec_from_args(parse(["-o", f"{word}:desc", "-O", f"{word},p99"]))
    assert (spec.sort, spec.descending, spec.columns) == (column, True, (column, "p99"))
