"""The privileged part: compile, attach, hand the descriptors over, exit.

It needs the distribution's BCC and the standard library alone, so that any interpreter that has BCC will do;
one that has none hands over to the next. The job arrives on a socket as one JSON message, and the answer
leaves on it the same way, with the descriptors attached: the probes live as long as the receiver keeps those.
With perf buffers this process stays and hands on what is in them. When the other end of the socket closes, it
dies at once, whatever it is doing. Works with Python 3.9.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import threading
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from tcpconntop.doctor.try_load import survey
from tcpconntop.kernel.attach import PROBE_SETS, RAW_TRACEPOINT, AttachError, attach
from tcpconntop.kernel.forward import PerfForwarder
from tcpconntop.kernel.program import (
    EXIT_UNSUPPORTED,
    NO_BCC,
    LoadError,
    captured_output,
    load_error,
    prepare,
)

MAX_MESSAGE_BYTES = 1 << 16

MAP_NAMES = ("tct_events", "tct_counters", "tct_netns", "tct_settings", "tct_start", "tct_calls")

UNRELATED_BCC = "is PyPI's bcc, an unrelated program"

# The interface's packages come last: what the interpreter has of its own is what BCC was made for.
_START = (
    "import sys; sys.path.append(sys.argv[1]); from tcpconntop.kernel import loader; loader.run(sys.argv[2:])"
)


def loader_command(fd: int, interpreter: str, *others: str) -> list[str]:
    """The command that runs this module over the socket `fd`; `others` are interpreters to try next."""
    return [interpreter, "-I", "-c", _START, str(Path(__file__).parents[2]), str(fd), *others]


def exit_on_hangup(connection: socket.socket) -> None:
    """Kill this process as soon as the other end of `connection` is closed, even while BCC compiles.

    A signal from the parent would not do: once it has dropped its privileges, the kernel refuses both its
    kill() and its parent-death signal to a process of root.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        poll.poll()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def find_bcc(folders: list[str]) -> Any:
    """BCC's module from the first folder that has it, whatever else is called `bcc` there; None if none has.

    What is passed over is printed. An unrelated package is never imported: this process is privileged.
    """
    for folder in folders:
        package = Path(folder, "bcc")
        if not (package / "__init__.py").is_file():
            continue
        if not (package / "libbcc.py").is_file():
            print(f"{sys.executable}: {package} {UNRELATED_BCC}", file=sys.stderr, flush=True)
            continue
        spec = PathFinder.find_spec("bcc", [folder])
        if spec and spec.loader:
            sys.modules["bcc"] = bcc = module_from_spec(spec)
            try:
                spec.loader.exec_module(bcc)
            except Exception as error:  # noqa: BLE001  # whatever a broken installation raises
                print(f"{sys.executable}: {package}: {error}", file=sys.stderr, flush=True)
            else:
                return bcc
    return None


def import_bcc(fd: int, interpreters: list[str]) -> Any:
    """BCC's module; where there is none, this program starts again under the next interpreter.

    None when no interpreter is left.
    """
    bcc = find_bcc(sys.path)
    if bcc is not None:
        return bcc
    print(f"{sys.executable}: no BCC", file=sys.stderr, flush=True)
    for number, candidate in enumerate(interpreters, 1):
        if os.access(candidate, os.X_OK):
            os.execv(candidate, loader_command(fd, candidate, *interpreters[number:]))  # noqa: S606
    return None


def attach_probe_set(bcc: Any, module: Any, wanted: str) -> tuple[str, dict[str, int], list[str]]:
    """Attach as `--probe` asks. Returns the way that was taken, descriptors by name, and notes.

    Raises:
        LoadError: there is no such way here.
    """
    refused: dict[str, str] = {}
    for way in PROBE_SETS if wanted == "auto" else (wanted,):
        try:
            fds, notes = attach(bcc, module, PROBE_SETS[way])
        except AttachError as error:
            if error.probe.kind == RAW_TRACEPOINT:  # every way needs those
                what = f"the kernel refused {error.probe.program} on {error.probe.target} ({error})"
                raise load_error(what) from error
            refused[way] = str(error)
            continue
        if refused and way == "tracepoint":
            reasons = ", ".join(f"{name}: {reason}" for name, reason in refused.items())
            notes.append(
                f"tracepoints alone ({reasons}): what fails before its SYN, as for want of a route, "
                "is not seen, and local work is not told apart"
            )
        return way, fds, notes
    raise LoadError(
        f"--probe {wanted} is not available here ({refused[wanted]}): use --probe tracepoint",
        EXIT_UNSUPPORTED,
    )


def no_bcc_error() -> LoadError:
    """The error where no interpreter has BCC; it names what is called the same."""
    others = [
        line.partition(": ")[2] for line in captured_output().splitlines() if line.endswith(UNRELATED_BCC)
    ]
    return LoadError("; ".join([NO_BCC, *dict.fromkeys(others)]), EXIT_UNSUPPORTED)


def load(bcc: Any, job: dict[str, Any]) -> tuple[dict[str, Any], list[int], PerfForwarder | None]:
    """Do the job. Returns the answer, its descriptors in the order of `answer["fds"]`, and what serves then.

    Raises:
        LoadError: it cannot be done here.
    """
    if bcc is None:
        raise no_bcc_error()
    module, forwarder = prepare(bcc, job)
    fds = {f"map:{name}": module[name].map_fd for name in MAP_NAMES}
    way, attached, notes = attach_probe_set(bcc, module, job["probe"])
    fds.update(attached)
    answer = {"probe": way, "transport": job["transport"], "notes": notes, "fds": list(fds)}
    return answer, list(fds.values()), forwarder


def main(fd: int, interpreters: list[str]) -> int:
    """Serve the one job of the socket `fd`. Returns the exit code."""
    connection = socket.socket(fileno=fd)
    exit_on_hangup(connection)
    bcc = import_bcc(fd, interpreters)  # while the caller is still busy with its own start
    job = json.loads(connection.recv(MAX_MESSAGE_BYTES))
    answer: dict[str, Any]
    forwarder = None
    fds: list[int] = []
    try:
        if job.get("survey"):
            answer = survey(bcc, job) if bcc else {"error": NO_BCC}
        else:
            answer, fds, forwarder = load(bcc, job)
    except LoadError as error:
        answer = {"error": str(error), "exit": error.exit_code}
    socket.send_fds(connection, [json.dumps(answer).encode()], fds)
    if forwarder:
        forwarder.serve(connection)
    return int(answer.get("exit", 0))


def run(arguments: list[str]) -> None:
    """Be the process that `loader_command` starts: FD [PYTHON…]."""
    # Not sys.exit(): LLVM's and BCC's own clean-up takes time and is of no use to anybody.
    os._exit(main(int(arguments[0]), arguments[1:]))
