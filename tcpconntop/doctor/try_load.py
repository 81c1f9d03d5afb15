"""The loader's other job: try every transport and every way of attaching, and keep none of them.

Part of the loader: standard library alone, Python 3.9.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tcpconntop.kernel.attach import PROBE_SETS, AttachError, ProbeGroup, attach, detach
from tcpconntop.kernel.program import EXIT_UNSUPPORTED, LoadError, load_error, prepare


def survey(bcc: Any, job: dict[str, Any]) -> dict[str, Any]:
    """What loading comes to here, as JSON will carry it.

    Transports come first: a way that is refused leaves traces in what tells a refusal's reason. Everything
    is tried with the program of the first transport that there is; a job without `defines` tries nothing.

    Returns:
        `python`, `bcc` (its version) and `folder` that do it; `transports` and `ways`, each by name with what
        `_tried_transport` and `_tried_way` say; `memlock_bytes`, the limit once it was raised (-1 is none).
    """
    modules: list[Any] = []
    transports = _tried_transports(bcc, job, modules) if "defines" in job else {}
    return {
        "python": sys.executable,
        "bcc": str(getattr(bcc, "__version__", "")),
        "folder": str(Path(bcc.__file__).parent),
        "transports": transports,
        "ways": {name: _tried_way(bcc, modules[0], parts) for name, parts in PROBE_SETS.items() if modules},
        "memlock_bytes": resource.getrlimit(resource.RLIMIT_MEMLOCK)[0],
    }


def _tried_transports(bcc: Any, job: dict[str, Any], modules: list[Any]) -> dict[str, Any]:
    """Both at once: compiling is what takes the time."""
    ring, perf = ({**job, "transport": name} for name in ("ring", "perf"))
    answer_of_perf = _in_child(lambda: _tried_transport(bcc, perf, []))
    tried = {"ring": _tried_transport(bcc, ring, modules), "perf": answer_of_perf()}
    if tried["perf"]["ok"] and not modules:
        _tried_transport(bcc, perf, modules)
    return tried


def _in_child(trial: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Try in a process of its own: BCC crashes where the kernel refuses perf events (0.26 does).

    Returns:
        What waits for the answer. What the child prints is told apart from what we do.
    """
    output = os.memfd_create("tcpconntop-survey")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.dup2(output, 2)
            os.write(writer, json.dumps(trial()).encode())
        finally:
            os._exit(0)
    os.close(writer)

    def answer() -> dict[str, Any]:
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        lines = [*os.pread(output, 1 << 12, 0).decode("utf-8", "replace").splitlines(), "BCC crashed"]
        return dict(json.loads(said)) if said else {"ok": False, "reason": lines[0], "exit": EXIT_UNSUPPORTED}

    return answer


def _tried_transport(bcc: Any, job: dict[str, Any], modules: list[Any]) -> dict[str, Any]:
    """Compile for it; what could be compiled goes to `modules`."""
    try:
        module, _ = prepare(bcc, job)
    except LoadError as error:
        return {"ok": False, "reason": str(error), "exit": error.exit_code}
    modules.append(module)
    return {"ok": True}


def _tried_way(bcc: Any, module: Any, parts: tuple[ProbeGroup, ...]) -> dict[str, Any]:
    """Attach it, and detach it at once."""
    try:
        fds, notes = attach(bcc, module, parts)
    except AttachError as error:
        code = load_error(str(error)).exit_code
        return {
            "ok": False,
            "reason": str(error),
            "errno": error.errno,
            "kind": error.probe.kind,
            "exit": code,
        }
    detach(fds)
    return {"ok": True, "notes": notes}
