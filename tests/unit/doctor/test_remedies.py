"""Which distribution this is, and the commands that fix a machine of it."""

from __future__ import annotations

import pytest

from tcpconntop.doctor.remedies import DISTRIBUTIONS, PROBLEMS, parse_os_release, remedies, remedy


@pytest.mark.parametrize(
    ("os_release", "name", "family"),
    [
        (
            'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
            "Debian GNU/Linux 12 (bookworm)",
            "debian",
        ),
        ('ID=ubuntu\nID_LIKE=debian\nPRETTY_NAME="Ubuntu 24.04"', "Ubuntu 24.04", "ubuntu"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"', "linuxmint", "ubuntu"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "rocky", "fedora"),
        ("ID=arch", "arch", "arch"),
        ("ID=manjaro\nID_LIKE=arch", "manjaro", "arch"),
        ("ID=alpine\n", "alpine", "alpine"),
        ("# ID=debian\nID=nixos\n", "nixos", None),
        ("PRETTY_NAME='it''s'\nID=\"odd", "its", None),
        ("", "unknown", None),
    ],
)
def test_given_os_release_then_the_distribution_is_found(os_release, name, family):
    distribution = parse_os_release(os_release)
    assert (distribution.name, distribution.family) == (name, family)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_given_any_problem_then_every_distribution_has_a_command(problem):
    assert list(remedies(problem)) == list(DISTRIBUTIONS)
    assert all(remedies(problem).values())


def test_given_no_problem_then_there_is_no_command():
    assert not remedies("")
    assert remedy("", "debian", as_root=True) is None


def test_given_a_user_when_a_command_is_for_root_then_each_part_begins_with_sudo_or_doas():
    assert remedy("bcc", "fedora", as_root=False) == "sudo dnf install python3-bcc"
    assert remedy("bcc", "fedora", as_root=True) == "dnf install python3-bcc"
    assert remedy("kernel", "alpine", as_root=False) == "doas apk add linux-lts && doas reboot"
    assert remedy("privileges", "debian", as_root=False) == 'sudo "$(command -v tcpconntop)"'
