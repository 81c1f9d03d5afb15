"""`doctor` against what loading really does here: each line is right, whichever way it goes.

Asks for every way of tracing, so it takes seven compilations: once for each machine, whichever ways its tests
are run for.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import way
from doctor import NAMES, checks, run

from tcpconntop.core.limits import TRANSPORTS
from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN
from tcpconntop.kernel.launch import TracerError, spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session

pytestmark = [
    pytest.mark.compiles,
    pytest.mark.skipif(not way.FIRST, reason="the same for all ways: run with the first"),
]


@cache
def doctor() -> tuple[int, dict[str, Any]]:
    """Exit code and document, with everything as it is here."""
    done = run("doctor", "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@cache
def loading(probe: str = "auto", transport: str = "auto") -> tuple[int, str]:
    """Exit code and what is taken, or why not: as a command that traces would have it."""
    try:
        with open_session(spawn_loader(), TraceRequest(probe=probe, transport=transport)) as session:
            return 0, f"{session.probe}/{session.transport}"
    except TracerError as error:
        return error.exit_code, str(error)


def test_the_verdict_is_what_a_command_that_traces_comes_to() -> None:
    code, document = doctor()
    loaded, taken = loading()
    assert code == document["exit_code"] == loaded
    if loaded == 0:
        assert f"{document['probe']}/{document['transport']}" == taken
    else:
        assert document["probe"] is document["transport"] is None


@pytest.mark.parametrize(
    ("name", "probe"), [("fentry", "fentry"), ("kprobe", "kprobe"), ("raw_tracepoints", "tracepoint")]
)
def test_a_way_is_ok_exactly_where_it_loads(name: str, probe: str) -> None:
    """GIVEN this kernel WHEN doctor says refused or missing THEN --probe ends with 4 and the same reason."""
    said = checks(doctor()[1])[name]
    code, told = loading(probe=probe)
    assert (said["status"] == OK) == (code == 0)
    assert said["status"] in ((OK,) if code == 0 else (MISSING, REFUSED))
    if code != 0:
        assert code == 4
        assert f"({said['detail']})" in told


@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name != "auto"])
def test_a_transport_is_ok_exactly_where_it_loads(transport: str) -> None:
    said = checks(doctor()[1])[transport]
    code, taken = loading()
    if not taken.endswith(f"/{transport}"):
        code, _ = loading(transport=transport)
    assert (said["status"] == OK) == (code == 0)


def test_every_line_is_there_and_has_something_to_say() -> None:
    _, document = doctor()
    found = checks(document)
    assert list(found) == NAMES
    assert all(check["detail"] for check in found.values())
    assert {check["status"] for check in found.values()} <= {OK, MISSING, REFUSED, UNKNOWN}
    assert found["bcc"]["status"] == found["btf"]["status"] == found["capabilities"]["status"] == OK
    assert document["kernel"] in found["kernel"]["detail"]
    assert (found["ipv6"]["status"] == OK) == Path("/proc/net/if_inet6").exists()
    mounts = Path("/proc/mounts").read_text()
    assert (found["tracefs"]["status"] == OK) == (" tracefs " in mounts)
    assert (found["cgroups"]["status"] == OK) == (" cgroup" in mounts)
