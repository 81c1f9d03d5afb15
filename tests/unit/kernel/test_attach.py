"""The probe sets, against a fake kernel that lacks some functions."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcpconntop.kernel import attach
from tcpconntop.kernel.attach import COPIES, PROBE_SETS, AttachError, program_copies
from tcpconntop.kernel.loader import LoadError, attach_probe_set
from tcpconntop.kernel.programs import FENTRY, FEXIT, KPROBE, KRETPROBE, Probe, Programs

SOURCE = Path(__file__).parents[3] / "bpf" / "tcpconntop.bpf.c"


class FakeKernel(Programs):
    """`lacks`: the functions or kinds that it refuses."""

    def __init__(self, *lacks: str) -> None:
        super().__init__({})
        self.lacks = lacks
        self.links: list[int] = []

    def map_fd(self, name: str) -> int:
        raise NotImplementedError

    def code(self, name: str) -> bytes:
        raise NotImplementedError

    def load(self, probe: Probe) -> int:
        if probe.kind in (FENTRY, FEXIT) and probe.target in self.lacks:
            raise OSError(errno.ENOENT, "")
        if probe.kind in (FENTRY, FEXIT) and "fentry" in self.lacks:
            raise OSError(errno.EPERM, "")
        return 1000

    def attach(self, probe: Probe, program: int) -> int:
        if probe.kind in (KPROBE, KRETPROBE) and "kprobe" in self.lacks:
            raise OSError(0, "no kprobes in this kernel")
        if probe.target in self.lacks and probe.kind != KRETPROBE:
            raise OSError(errno.ENOENT, "")
        self.links.append(os.memfd_create("link"))
        return self.links[-1]

    def open_links(self) -> int:
        return sum(Path(f"/proc/self/fd/{fd}").exists() for fd in set(self.links))

    def close(self) -> None:
        for fd in set(self.links):
            if Path(f"/proc/self/fd/{fd}").exists():
                os.close(fd)


@pytest.fixture
def kernel(request: pytest.FixtureRequest) -> Iterator[FakeKernel]:
    kernel = FakeKernel(*request.param)
    yield kernel
    kernel.close()


def lacks(*cases: tuple[str, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kernel", cases, indirect=True, ids=" ".join)


def linked(fds: dict[str, int]) -> set[str]:
    return {name.split(":", 1)[1] for name in fds if name.startswith("link:")}


def wanted(probe_set: str) -> set[str]:
    return {f"{probe.program}:{probe.target}" for group in PROBE_SETS[probe_set] for probe in group.probes}


@lacks(())
@pytest.mark.parametrize("probe_set", PROBE_SETS)
def test_everything_is_attached_where_nothing_is_missing(kernel: FakeKernel, probe_set: str) -> None:
    taken, fds, notes = attach_probe_set(kernel, probe_set)
    assert (taken, notes) == (probe_set, [])
    assert linked(fds) == wanted(probe_set)
    assert kernel.open_links() == len(linked(fds))


@lacks(("tcp_v6_connect",))
@pytest.mark.parametrize("probe_set", ["fentry", "kprobe"])
def test_no_ipv6(kernel: FakeKernel, probe_set: str) -> None:
    """GIVEN no tcp_v6_connect WHEN attaching THEN neither entry nor return is attached, with a note."""
    _, fds, notes = attach_probe_set(kernel, probe_set)
    assert linked(fds) == {name for name in wanted(probe_set) if not name.endswith("tcp_v6_connect")}
    (note,) = notes
    assert note.startswith("tcp_v6_connect is not available (No such file or directory): IPv6 connects")
    assert kernel.open_links() == len(linked(fds))


@lacks(("tcp_connect", "tcp_rcv_state_process", "tcp_retransmit_skb"))
@pytest.mark.parametrize("probe_set", ["fentry", "kprobe"])
def test_each_detail_that_is_missing_has_a_note(kernel: FakeKernel, probe_set: str) -> None:
    _, _, notes = attach_probe_set(kernel, probe_set)
    assert [note.split()[0] for note in notes] == [
        "tcp_retransmit_skb", "tcp_connect", "tcp_rcv_state_process"
    ]  # fmt: skip


@lacks(("tcp_v4_connect",), ("inet_sock_set_state",))
@pytest.mark.parametrize("probe_set", ["fentry", "kprobe"])
def test_a_group_that_the_probe_set_needs_is_refused(kernel: FakeKernel, probe_set: str) -> None:
    with pytest.raises(AttachError):
        attach.attach(kernel, PROBE_SETS[probe_set])
    assert kernel.open_links() == 0


@lacks(("fentry",))
def test_auto_selects_kprobes_where_fentry_is_refused(kernel: FakeKernel) -> None:
    taken, fds, notes = attach_probe_set(kernel, "auto")
    assert (taken, notes) == ("kprobe", [])
    assert kernel.open_links() == len(linked(fds))


@lacks(("fentry", "kprobe"))
def test_auto_notes_what_tracepoints_do_not_see(kernel: FakeKernel) -> None:
    taken, fds, notes = attach_probe_set(kernel, "auto")
    assert taken == "tracepoint"
    (note,) = notes
    assert note.startswith(
        "only tracepoints can be attached (fentry: Operation not permitted, "
        "kprobe: no kprobes in this kernel): connects that fail"
    )
    assert kernel.open_links() == len(linked(fds))


@lacks(("fentry", "kprobe"))
@pytest.mark.parametrize(
    ("probe_set", "reason"), [("fentry", "Operation not permitted"), ("kprobe", "no kprobes in this kernel")]
)
def test_the_error_of_a_refused_probe_set_names_another_one(
    kernel: FakeKernel, probe_set: str, reason: str
) -> None:
    with pytest.raises(LoadError) as caught:
        attach_probe_set(kernel, probe_set)
    assert (
        str(caught.value) == f"--probe {probe_set} is not available here ({reason}): use --probe tracepoint"
    )
    assert caught.value.exit_code == 4
    assert kernel.open_links() == 0


@pytest.mark.parametrize("probe_set", PROBE_SETS)
def test_copies_run_in_the_order_of_their_numbers_and_returns_are_attached_before_calls(
    probe_set: str,
) -> None:
    programs = [probe.program for group in PROBE_SETS[probe_set] for probe in group.probes]
    copies = [program for program in programs if program.startswith("tct_state_")]
    assert copies == [f"tct_state_{copy}" for copy in range(1, COPIES + 1)]
    for group in PROBE_SETS[probe_set]:
        kinds = [
            probe.kind in (FEXIT, KRETPROBE) for probe in group.probes if probe.target.startswith("tcp_v")
        ]
        assert kinds in ([True, False], [])


@pytest.mark.parametrize(
    ("release", "expected"),
    [("5.10.0-43-amd64", (2, 2)), ("6.19.2", (2, 2)), ("7.0.0-rc1", (3, 1)), ("10.1", (3, 1))],
)
def test_as_many_copies_are_attached_as_can_be_nested(release: str, expected: tuple[int, int]) -> None:
    assert program_copies(release) == expected


@pytest.mark.parametrize("probe_set", PROBE_SETS)
def test_every_program_is_in_the_source(probe_set: str) -> None:
    source = SOURCE.read_text()
    defined = set(re.findall(r"^int (\w+)\(", source, re.M)) | set(
        re.findall(r"^(?:STATE_)?PROBE\((\w+),", source, re.M)
    )
    assert {probe.program for group in PROBE_SETS[probe_set] for probe in group.probes} <= defined
