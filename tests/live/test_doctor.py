"""`doctor` compared with what loading really does here.

It loads every probe set and transport, which takes seven compilations: so it runs once for each machine.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import way
from doctor import NAMES, checks, run

from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN
from tcpconntop.kernel.launch import TracerError, spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session

pytestmark = [
    pytest.mark.xdist_group("doctor"),
    pytest.mark.compiles,
    pytest.mark.skipif(not way.FIRST, reason="the same for all probe sets: runs with the first"),
]


@cache
def doctor() -> tuple[int, dict[str, Any]]:
    """Return exit code and document of this machine."""
    done = run("doctor", "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@cache
def loading(probe: str = "auto", transport: str = "auto") -> tuple[int, str]:
    """Return exit code and probe set/transport, or the error, of a command that traces."""
    try:
        with open_session(spawn_loader(), TraceRequest(probe=probe, transport=transport)) as session:
            return 0, f"{session.probe}/{session.transport}"
    except TracerError as error:
        return error.exit_code, str(error)


def test_the_summary_is_that_of_a_command_that_traces() -> None:
    code, document = doctor()
    loaded, selected = loading()
    assert code == document["exit_code"] == loaded
    if loaded == 0:
        assert f"{document['probe']}/{document['transport']}" == selected
    else:
        assert document["probe"] is document["transport"] is None


@pytest.mark.parametrize(
    ("name", "probe"), [("fentry", "fentry"), ("kprobe", "kprobe"), ("raw_tracepoints", "tracepoint")]
)
def test_a_probe_set_is_ok_exactly_where_it_loads(name: str, probe: str) -> None:
    """GIVEN a probe set WHEN doctor calls it refused or missing THEN --probe exits with 4 and that reason."""
    check = checks(doctor()[1])[name]
    code, message = loading(probe=probe)
    assert (check["status"] == OK) == (code == 0)
    assert check["status"] in ((OK,) if code == 0 else (MISSING, REFUSED))
    if code != 0:
        assert code == 4
        assert f"({check['detail']})" in message


@pytest.mark.parametrize("transport", ["ring", pytest.param("perf", marks=pytest.mark.long)])
def test_a_transport_is_ok_exactly_where_it_loads(transport: str) -> None:
    check = checks(doctor()[1])[transport]
    code, selected = loading()
    if not selected.endswith(f"/{transport}"):
        code, _ = loading(transport=transport)
    assert (check["status"] == OK) == (code == 0)


def test_every_check_is_there_and_has_a_detail() -> None:
    _, document = doctor()
    results = checks(document)
    assert list(results) == NAMES
    assert all(check["detail"] for check in results.values())
    assert {check["status"] for check in results.values()} <= {OK, MISSING, REFUSED, UNKNOWN}
    assert results["bcc"]["status"] == results["btf"]["status"] == results["capabilities"]["status"] == OK
    assert document["kernel"] in results["kernel"]["detail"]
    assert (results["ipv6"]["status"] == OK) == Path("/proc/net/if_inet6").exists()
    mounts = Path("/proc/mounts").read_text()
    assert (results["tracefs"]["status"] == OK) == (" tracefs " in mounts)
    assert (results["cgroups"]["status"] == OK) == (" cgroup" in mounts)
