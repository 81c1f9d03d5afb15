"""The privileged process: load or compile, attach, send the descriptors to the user interface, exit.

It needs only the standard library where there is an image for this machine. Otherwise BCC compiles: then any
interpreter that has the distribution's BCC can run it, and one without BCC replaces itself with the next one.
The job arrives on a socket as one JSON message. The answer is sent the same way, with the descriptors
attached: the probes exist as long as the receiver holds those. With perf buffers this process stays and
forwards the records. It exits at once when the other end of the socket is closed, whatever it is doing.

Another job can run in the same kind of process: a module whose `run(arguments)` calls the `run` of this one
with a function of its own (doctor/try_load.py). Works with Python 3.9.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any, NamedTuple

from tcpconntop.core.errors import EXIT_UNSUPPORTED
from tcpconntop.kernel.attach import PROBE_SETS, AttachError, attach, start_tracing
from tcpconntop.kernel.bcc_programs import prepare
from tcpconntop.kernel.bpf_call import raise_memory_lock_limit
from tcpconntop.kernel.forward import MAX_MESSAGE_BYTES, PerfForwarder
from tcpconntop.kernel.image import ImageError, ImagePrograms, read_image
from tcpconntop.kernel.isolated import loader_command
from tcpconntop.kernel.load_error import LoadError, ProbeSetRefusedError, captured_output, load_error
from tcpconntop.kernel.needs import NO_BCC
from tcpconntop.kernel.privileges import give_everything_up, hide_process
from tcpconntop.kernel.program_numbers import complete_job
from tcpconntop.kernel.programs import RAW_TRACEPOINT, Programs

MAP_NAMES = ("tct_events", "tct_counters", "tct_netns", "tct_settings")
"""The maps that the user interface gets."""
OWN_MAP_NAMES = ("tct_start", "tct_calls", "tct_missed", "tct_claims", "tct_seen", "tct_scratch")
"""The maps that only the programs themselves use."""
READ_ONLY_MAPS = ("tct_counters", "tct_netns")
"""Those that user space can only read from then on, whoever it is."""

_THREAD_END_S = 5.0
UNRELATED_BCC = "is PyPI's bcc, an unrelated program"


class Answer(NamedTuple):
    """The result of a job."""

    message: dict[str, Any]
    """Sent as JSON. `exit` is the exit code of this process, 0 if missing."""
    fds: list[int]
    """Descriptors to send with the message."""
    forwarder: PerfForwarder | None = None
    """Reads the perf buffers until the other end hangs up."""


def exit_on_hangup(connection: socket.socket) -> Callable[[], None]:
    """Kill this process as soon as the other end of `connection` is closed, even while BCC compiles.

    A signal from the parent is not possible: once the parent has dropped its privileges, the kernel refuses
    to send its kill() or its parent-death signal to a process of root.

    Returns:
        A function that ends the watch and its thread.
    """
    stopped, stop = os.pipe()

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        poll.register(stopped, 0)  # always reports that the other end is closed
        if connection.fileno() in dict(poll.poll()):
            os.kill(os.getpid(), signal.SIGKILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()

    def end_watch() -> None:
        os.close(stop)
        thread.join()
        # Python is done with the thread a moment before the kernel is, which still lists its capabilities.
        deadline_s = time.monotonic() + _THREAD_END_S
        while Path(f"/proc/self/task/{thread.native_id}").exists() and time.monotonic() < deadline_s:
            time.sleep(0.0005)
        os.close(stopped)

    return end_watch


def find_bcc(folders: list[str]) -> Any:
    """Import BCC from the first folder that has it. Return the module, or None.

    Other packages named `bcc` are skipped and reported on stderr. They are never imported: this process is
    privileged.
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


def import_bcc(entry: str, fd: int, interpreters: list[str]) -> Any:
    """Return BCC's module. Without BCC, restart this program with the next interpreter.

    None when no interpreter is left.
    """
    bcc = find_bcc(sys.path)
    if bcc is not None:
        return bcc
    print(f"{sys.executable}: no BCC", file=sys.stderr, flush=True)
    for number, candidate in enumerate(interpreters, 1):
        if os.access(candidate, os.X_OK):
            command = loader_command(entry, fd, candidate, *interpreters[number:])
            os.execv(candidate, command)  # noqa: S606
    return None


def attach_probe_set(programs: Programs, request: str) -> tuple[str, dict[str, int], list[str]]:
    """Attach the probe set `request`, or the best one for `auto`.

    Return the name of the probe set, descriptors by name, and notes on what is missing.

    Raises:
        LoadError: the kernel refuses it.
    """
    refused: dict[str, str] = {}
    for name in PROBE_SETS if request == "auto" else (request,):
        try:
            fds, notes = attach(programs, PROBE_SETS[name])
        except AttachError as error:
            if error.probe.kind == RAW_TRACEPOINT:  # every probe set needs those
                what = f"the kernel refused {error.probe.program} on {error.probe.target} ({error})"
                raise load_error(what, error.errno) from error
            refused[name] = str(error)
            continue
        if refused and name == "tracepoint":
            reasons = ", ".join(f"{other}: {reason}" for other, reason in refused.items())
            notes.append(
                f"only tracepoints can be attached ({reasons}): connects that fail before their first SYN "
                "(no route, for example) are not seen, and local work is not separated from network time"
            )
        return name, fds, notes
    raise ProbeSetRefusedError(
        f"--probe {request} is not available here ({refused[request]}): use --probe tracepoint",
        EXIT_UNSUPPORTED,
    )


def no_bcc_error() -> LoadError:
    """Return the error for a machine without BCC; it names the unrelated packages of the same name."""
    others = [
        line.partition(": ")[2] for line in captured_output().splitlines() if line.endswith(UNRELATED_BCC)
    ]
    return LoadError("; ".join([NO_BCC, *dict.fromkeys(others)]), EXIT_UNSUPPORTED)


def load(get_bcc: Callable[[], Any], job: dict[str, Any]) -> Answer:
    """Load or compile, and attach. `message["fds"]` names the descriptors, in their order.

    `auto` takes the image. Where it cannot be used it takes BCC, and a note says why. BCC has the same
    programs: so a lack of privileges, or of the probe set asked for, is an answer and no reason to try it.

    Args:
        get_bcc: returns BCC's module, None if there is none.
        job: what `job.loader_job` returned.

    Raises:
        LoadError: this machine cannot do it.
    """
    complete_job(job)
    why = "--transport perf needs BCC" if job["transport"] == "perf" else ""
    notes = []
    if job["loader"] != "bcc" and not why:
        try:
            return _attached("image", open_image(job), None, job, [])
        except LoadError as error:
            if job["loader"] == "image" or error.is_for_all_loaders:
                raise
            notes.append(f"compiled by BCC: {error}")
    elif job["loader"] == "image":
        raise LoadError(f"--loader image cannot be used: {why}", EXIT_UNSUPPORTED)
    bcc = get_bcc()
    if bcc is None:
        raise no_bcc_error()
    programs, forwarder = prepare(bcc, job)
    return _attached("bcc", programs, forwarder, job, notes)


def open_image(job: dict[str, Any]) -> ImagePrograms:
    """Return the programs of this machine's image, with their maps.

    Raises:
        LoadError: there is no image that can be used, or the kernel refused a map.
    """
    raise_memory_lock_limit()
    try:
        return ImagePrograms(read_image(Path(job["folder"])), job)
    except ImageError as error:
        raise LoadError(str(error), EXIT_UNSUPPORTED) from None
    except OSError as error:
        raise load_error(f"the kernel refused a map ({error.strerror})", error.errno or 0) from error


def _attached(
    loader: str, programs: Programs, forwarder: PerfForwarder | None, job: dict[str, Any], notes: list[str]
) -> Answer:
    fds = {f"map:{name}": programs.map_fd(name) for name in MAP_NAMES}
    probe_set, attached, more_notes = attach_probe_set(programs, job["probe"])
    read_only = [fds[f"map:{name}"] for name in READ_ONLY_MAPS]
    start_tracing(read_only, fds["map:tct_settings"], bytes.fromhex(job["settings"]))
    # Not the programs: whoever holds one can run it on memory of their choice.
    fds.update({name: fd for name, fd in attached.items() if name.startswith("link:")})
    message = {
        "loader": loader,
        "probe": probe_set,
        "transport": job["transport"],
        "notes": [*notes, *more_notes],
        "fds": list(fds),
    }
    return Answer(message, list(fds.values()), forwarder)


def main(
    fd: int,
    interpreters: list[str],
    do_job: Callable[[Callable[[], Any], dict[str, Any]], Answer],
    entry: str,
) -> int:
    """Receive one job on the socket `fd`, do it and send the answer. Return the exit code."""
    hide_process()
    connection = socket.socket(fileno=fd)
    end_watch = exit_on_hangup(connection)
    # The job stays in the socket until it is done: another interpreter may take over from this one.
    job = json.loads(connection.recv(MAX_MESSAGE_BYTES, socket.MSG_PEEK))
    try:
        answer = do_job(lambda: import_bcc(entry, fd, interpreters), job)
    except LoadError as error:
        answer = Answer({"error": str(error), "exit": error.exit_code}, [])
    connection.recv(MAX_MESSAGE_BYTES)
    if answer.forwarder:  # this process stays, and needs no privileges any more
        end_watch()
        give_everything_up()
        exit_on_hangup(connection)
    socket.send_fds(connection, [json.dumps(answer.message).encode()], answer.fds)
    if answer.forwarder:
        answer.forwarder.serve(connection)
    return int(answer.message.get("exit", 0))


def run(
    arguments: list[str],
    do_job: Callable[[Callable[[], Any], dict[str, Any]], Answer] = load,
    entry: str = __name__,
) -> None:
    """Run as the process that `loader_command` starts, and exit.

    Args:
        arguments: FD [PYTHON…].
        do_job: receives a function that returns BCC's module (None if there is none), and the job.
        entry: the module that started this process.
    """
    # Not sys.exit(): the clean-up of LLVM and BCC takes time and has no effect.
    os._exit(main(int(arguments[0]), arguments[1:], do_job, entry))
