"""`doctor` where something is missing: every check still has a result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import way
from command import TWO_CAPABILITIES
from doctor import NAMES, checks, run

from tcpconntop.doctor.checks import MISSING, OK, REFUSED, UNKNOWN
from tcpconntop.doctor.machine import MEMLOCK_UNUSED_SINCE, kernel_version
from tcpconntop.kernel.launch import PYTHON_VARIABLE

pytestmark = [
    pytest.mark.compiles,
    pytest.mark.skipif(not way.FIRST, reason="the same for all probe sets: runs with the first"),
]

WITHOUT_BCC = {PYTHON_VARIABLE: sys.executable}
"""The environment for what does not depend on BCC: it takes a second to compile for perf buffers."""
BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


def test_without_privileges_every_check_has_a_result() -> None:
    done = run("doctor", "--json", prefix=BARE)
    results = checks(json.loads(done.stdout))
    assert done.returncode == 3
    assert done.stderr == ""
    assert list(results) == NAMES
    assert results["capabilities"]["status"] == REFUSED
    assert results["capabilities"]["mend"]
    assert results["bcc"]["status"] == OK
    assert results["btf"]["status"] == OK
    assert OK not in {
        results[name]["status"] for name in ("raw_tracepoints", "fentry", "kprobe", "ring", "perf")
    }
    text = run("doctor", prefix=BARE, **WITHOUT_BCC)
    assert text.returncode == 3
    assert "Not privileged; see: capabilities" in text.stdout
    # The kernel's answer for the image holds for perf buffers: nobody compiles to ask it again.
    assert "refused  perf buffers" in text.stdout


def test_without_bcc_the_image_traces_and_the_unrelated_package_is_named(tmp_path: Path) -> None:
    """GIVEN a Python with only PyPI's bcc WHEN running THEN doctor and --loader bcc name it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    python = str(tmp_path / "bin" / "python")
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", purelib], capture_output=True, text=True, check=True).stdout.strip()
    (Path(site) / "bcc").mkdir()
    (Path(site) / "bcc" / "__init__.py").write_text("from .bcc import *\n")
    named = f"{site}/bcc is PyPI's bcc, an unrelated program"

    done = run("doctor", "--json", **{PYTHON_VARIABLE: python})
    results = checks(json.loads(done.stdout))
    assert done.returncode == 0
    assert results["bcc"]["status"] == results["perf"]["status"] == MISSING
    assert not results["bcc"]["needed"]
    assert named in results["bcc"]["detail"]
    assert (
        results["image"]["status"] == results["raw_tracepoints"]["status"] == results["ring"]["status"] == OK
    )

    traced = run("-b", "-n", "1", "-d", "0.1", "--json", **{PYTHON_VARIABLE: python})
    assert json.loads(traced.stdout)["loader"] == "image", traced.stderr

    batch = run("-b", "-n", "1", "--loader", "bcc", **{PYTHON_VARIABLE: python})
    assert (batch.returncode, batch.stdout) == (4, "")
    assert named in batch.stderr
    assert len(batch.stderr.splitlines()) == 1


@pytest.mark.parametrize("hidden", ["/sys/kernel/btf", "/sys"])
def test_without_btf_every_check_has_a_result(hidden: str) -> None:
    """GIVEN a mount that hides the kernel's type information THEN BTF is missing."""
    hide = f'mount -t tmpfs tmpfs {hidden} && exec "$@"'
    done = run("doctor", "--json", prefix=("unshare", "--mount", "sh", "-c", hide, "sh"))
    assert done.returncode == 4, done.stderr
    results = checks(json.loads(done.stdout))
    assert list(results) == NAMES
    assert results["btf"]["status"] == MISSING
    assert ("mount -t sysfs" in results["btf"]["mend"]["debian"]) == (hidden == "/sys")
    assert results["bcc"]["status"] == OK
    assert results["raw_tracepoints"]["status"] == UNKNOWN


@pytest.mark.long  # each has BCC compile
@pytest.mark.parametrize("held", ["bpf", "perfmon"])
def test_with_one_capability_of_two_every_check_has_the_kernels_answer(held: str) -> None:
    """GIVEN one of the two capabilities, where BCC may crash THEN the answer is still complete."""
    half = ("setpriv", f"--bounding-set=-all,+{held}", "--inh-caps=-all")
    done = run("doctor", "--json", prefix=half)
    results = checks(json.loads(done.stdout))
    assert done.returncode == 3
    assert f"only CAP_{held.upper()}" in results["capabilities"]["detail"]
    assert results["bcc"]["status"] == OK
    assert results["raw_tracepoints"]["status"] != OK


def test_two_capabilities_are_enough_to_trace() -> None:
    """GIVEN no other capability THEN tracing works, as the README promises for containers and services."""
    two = TWO_CAPABILITIES
    if kernel_version(os.uname().release) < MEMLOCK_UNUSED_SINCE:  # maps count as locked memory
        done = run("doctor", "--json", prefix=two)
        assert done.returncode == 3
        assert checks(json.loads(done.stdout))["memlock"]["status"] == REFUSED
        two = ("prlimit", "--memlock=unlimited", *two)
    assert run("doctor", prefix=two, **WITHOUT_BCC).returncode == 0


def test_capabilities_of_a_user_namespace_do_not_count() -> None:
    if subprocess.run(["unshare", "--user", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    done = run("doctor", "--json", prefix=("unshare", "--user", "--map-root-user"), **WITHOUT_BCC)
    assert done.returncode == 3
    results = checks(json.loads(done.stdout))
    assert "user namespace" in results["capabilities"]["detail"]
    assert results["ring"]["status"] == REFUSED
