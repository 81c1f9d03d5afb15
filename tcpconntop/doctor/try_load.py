"""The job of `doctor` in the loader process: try every transport and every probe set, and keep none of them.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED
from tcpconntop.kernel import loader
from tcpconntop.kernel.attach import PROBE_SETS, AttachError, ProbeGroup, attach, detach
from tcpconntop.kernel.bcc_programs import prepare
from tcpconntop.kernel.image import ImageError, read_image
from tcpconntop.kernel.load_error import LoadError, load_error
from tcpconntop.kernel.loader import Answer, open_image
from tcpconntop.kernel.programs import Programs

ENTRY = __name__
"""The module that `spawn_loader` starts for this job."""


def run(arguments: list[str]) -> None:
    """Run as the loader process that tries, and exit."""
    loader.run(arguments, answer, ENTRY)


def answer(get_bcc: Callable[[], Any], job: dict[str, Any]) -> Answer:
    """Do the job."""
    return Answer(try_load(get_bcc(), job), [])


def try_load(bcc: Any, job: dict[str, Any]) -> dict[str, Any]:
    """Try the image, every transport and every probe set; return the results as a JSON-serialisable dict.

    Transports come first: a refused probe set changes what the reason of a later refusal is read from. Probe
    sets are tried with the programs of the first transport that works. A job without `numbers` tries nothing.

    Args:
        bcc: BCC's module, None if there is none.
        job: a complete job (`program_numbers.complete_job`), or an empty dict.

    Returns:
        `image` with the result of `_try_image`; `python`, `bcc` (its version, empty without BCC) and `folder`
        of the interpreter that tried; `transports` and `probe_sets`, each by name with the results of
        `_try_transport` and `_try_probe_set`; `memlock_bytes`, the memory-lock limit after raising it (-1:
        unlimited).
    """
    tried: list[Programs] = []
    image = _try_image(job, tried) if "numbers" in job else {}
    transports = _try_transports(bcc, job, image, tried) if "numbers" in job else {}
    return {
        "image": image,
        "python": sys.executable,
        "bcc": str(getattr(bcc, "__version__", "")),
        "folder": str(Path(bcc.__file__).parent) if bcc else "",
        "transports": transports,
        "probe_sets": {
            name: _try_probe_set(tried[0], groups) for name, groups in PROBE_SETS.items() if tried
        },
        "memlock_bytes": resource.getrlimit(resource.RLIMIT_MEMLOCK)[0],
    }


def _try_image(job: dict[str, Any], tried: list[Programs]) -> dict[str, Any]:
    """Create the maps of the image. Append its programs to `tried` if that worked."""
    try:
        made_by = read_image(Path(job["folder"])).made_by
        tried.append(open_image(job))
    except ImageError as error:
        return {"ok": False, "reason": str(error), "exit": EXIT_UNSUPPORTED}
    except LoadError as error:
        return {"ok": False, "reason": str(error), "exit": error.exit_code}
    return {"ok": True, "made_by": made_by}


def _try_transports(
    bcc: Any, job: dict[str, Any], image: dict[str, Any], tried: list[Programs]
) -> dict[str, Any]:
    """Try both transports at the same time; BCC compiles for what the image cannot do.

    A lack of privileges is an answer: BCC would compile, and ask the same kernel for the same maps.
    """
    refused = not image["ok"] and image["exit"] == EXIT_NOT_PRIVILEGED
    ring, perf = ({**job, "transport": name} for name in ("ring", "perf"))
    if bcc is None:
        missing = {"ok": False, "reason": "needs BCC", "exit": EXIT_UNSUPPORTED}
        return {"ring": image if image["ok"] or refused else missing, "perf": image if refused else missing}
    if refused:
        return {"ring": image, "perf": image}
    result_of_perf = _in_child(lambda: _try_transport(bcc, perf, []))
    results = {"ring": image if image["ok"] else _try_transport(bcc, ring, tried), "perf": result_of_perf()}
    if results["perf"]["ok"] and not tried:
        _try_transport(bcc, perf, tried)
    return results


def _in_child(trial: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Start a trial in a child process: BCC 0.26 crashes where the kernel refuses perf events.

    The child has an output of its own, because a refusal's reason is read from the output of this process.

    Returns:
        A function that waits for the child's result and returns it.
    """
    output = os.memfd_create("tcpconntop-doctor")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(output, 2)
            os.write(writer, json.dumps(trial()).encode())
        finally:
            os._exit(0)
    os.close(writer)

    def result() -> dict[str, Any]:
        with os.fdopen(reader, "rb") as pipe:
            message = pipe.read()
        os.waitpid(child, 0)
        if message:
            return dict(json.loads(message))
        lines = os.pread(output, 1 << 12, 0).decode("utf-8", "replace").splitlines()
        return {"ok": False, "reason": [*lines, "BCC crashed"][0], "exit": EXIT_UNSUPPORTED}

    return result


def _try_transport(bcc: Any, job: dict[str, Any], tried: list[Programs]) -> dict[str, Any]:
    """Compile for the job's transport. Append the programs to `tried` if they compiled."""
    try:
        programs, _ = prepare(bcc, job)
    except LoadError as error:
        return {"ok": False, "reason": str(error), "exit": error.exit_code}
    tried.append(programs)
    return {"ok": True}


def _try_probe_set(programs: Programs, groups: tuple[ProbeGroup, ...]) -> dict[str, Any]:
    """Attach a probe set and detach it at once."""
    try:
        fds, notes = attach(programs, groups)
    except AttachError as error:
        return {
            "ok": False,
            "reason": str(error),
            "errno": error.errno,
            "kind": error.probe.kind,
            "exit": load_error(str(error)).exit_code,
        }
    detach(fds)
    return {"ok": True, "notes": notes}
