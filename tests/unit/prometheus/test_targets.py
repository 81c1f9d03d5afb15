"""The URL of a server on the command line: what goes with it and what does not, and its password."""

from __future__ import annotations

import pytest

from tcpconntop.commands.targets import check_targets
from tcpconntop.core.errors import EXIT_USAGE, FatalError
from tcpconntop.options import UsageError, parse

URL = "http://prometheus:9090"


def test_given_an_url_then_the_server_is_asked():
    args = parse(["fleet", "-b", "https://me:secret@prometheus/p"])
    check_targets(args)
    assert (args.prometheus.name, args.prometheus.tls) == ("prometheus:443/p", True)
    assert (args.prometheus.user, args.prometheus.password) == ("me", "secret")
    args = parse(["check", "--fleet", URL, "--for", "30s", "--assert", "fail<1%"])
    check_targets(args)
    assert args.prometheus.name == "prometheus:9090"
    args = parse(["fleet", "-b", "db-07"])
    check_targets(args)
    assert args.prometheus is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["fleet", "-b", URL, "db-07"], "asked alone"),
        (["fleet", "-b", URL, URL], "asked alone"),
        (["fleet", "-b", URL, "-p", "7"], "-p needs single connects"),
        (["fleet", "-b", URL, "-c", "curl"], "-c needs single connects"),
        (["fleet", "-b", URL, "-u", "0"], "-u needs single connects"),
        (["fleet", "-b", URL, "--min-ms", "5"], "MIN_MS needs single connects"),
        (["fleet", "-b", URL, "-P", "443"], "use --filter, such as --filter dport=443"),
        (["fleet", "-b", URL, "-4"], "use --filter"),
        (
            ["log", "--fleet", URL],
            "Prometheus has counts alone: use fleet URL -b",
        ),
        (
            ["check", "--fleet", URL, "--assert", "p99<1s", "--record", "x"],
            "a recording needs single connects",
        ),
        (["fleet", "-b", "http://"], "http://prometheus:9090 is needed"),
        (["fleet", "-b", "http://h:x"], "its port is not a number"),
        (["fleet", "-b", "db-07", "--password-file", "x"], "goes with the URL"),
    ],
)
def test_given_what_cannot_work_with_it_then_it_is_refused_in_one_line(words, why):
    with pytest.raises(UsageError, match=why) as raised:
        check_targets(parse(words))
    assert "\n" not in str(raised.value)


def test_given_a_password_file_then_its_first_line_is_the_password(tmp_path):
    file = tmp_path / "password"
    file.write_text("secret \nmore\n")
    args = parse(["fleet", "-b", "https://me@h", "--password-file", str(file)])
    check_targets(args)
    assert args.prometheus.password == "secret "
    with pytest.raises(UsageError, match="the password needs a user"):
        check_targets(parse(["fleet", "-b", "https://h", "--password-file", str(file)]))
    file.write_text("\n")
    for name, why in (
        (file, "has no password"),
        (tmp_path / "absent", "cannot read"),
        (tmp_path, "cannot read"),
    ):
        with pytest.raises(FatalError, match=why) as raised:
            check_targets(parse(["fleet", "-b", "https://me@h", "--password-file", str(name)]))
        assert raised.value.exit_code == EXIT_USAGE
