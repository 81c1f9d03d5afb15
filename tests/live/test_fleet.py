"""`fleet` over a real ssh: Debian's sshd on the loopback of this namespace, with keys made for the test."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sshd
import way
import workload
from command import DEADLINE_S, TCPCONNTOP, UNPRIVILEGED, lines_until
from pseudo_terminal import on_terminal

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not sshd.SSHD.exists(), reason="openssh-server is not installed")


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[str]:
    """Start an sshd for the test alone; return the ssh command that reaches it by any name."""
    sshd.make_keys(tmp_path)
    with workload.closed_port() as port:
        pass
    client = tmp_path / "ssh_config"
    client.write_text(f"Host *\nHostName 127.0.0.1\nPort {port}\nIdentityFile {tmp_path}/user\n{sshd.CLIENT}")
    with sshd.running(tmp_path, "127.0.0.1", port):
        yield f"ssh -F {client}"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """Start an ssh-agent that alone has the user's key; return its socket."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it listens
        try:
            yield str(socket)
        finally:
            process.terminate()
            process.stdout.close()


@contextmanager
def fleet(*words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run `log --fleet` of a host that is called db-07, as root at a shell would."""
    process = subprocess.Popen(
        [*TCPCONNTOP, "log", "--fleet", "db-07", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)


def said_of_db_07(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    line = lines_until(process.stderr, lambda line: line.startswith("tcpconntop: db-07: "))[-1]
    return line.removeprefix("tcpconntop: db-07: ").strip()


def test_root_has_the_agent_known_hosts_and_shared_connections_of_ssh(
    ssh: str, agent: str, tmp_path: Path
) -> None:
    """GIVEN an ssh that works for root at a shell WHEN root runs a fleet THEN it works there."""
    client = tmp_path / "ssh_config"
    unchanged = re.sub("Identit.*\n", "", client.read_text())
    client.write_text(
        f"StrictHostKeyChecking accept-new\nUserKnownHostsFile {tmp_path}/known_hosts\n"
        f"ControlMaster auto\nControlPath {tmp_path}/cm\n{unchanged}"  # the first value counts
    )
    environment = {**os.environ, "SSH_AUTH_SOCK": agent}
    subprocess.run(["ssh-add", "-q", tmp_path / "user"], env=environment, check=True, timeout=DEADLINE_S)
    (tmp_path / "user").unlink()
    record = shlex.join([*TCPCONNTOP, "record", "-", *way.OPTIONS])
    words = ["--ssh-command", ssh, "--remote-command", f"cd {ROOT}; exec {record}"]
    with fleet(*words, SSH_AUTH_SOCK=agent) as process:
        assert said_of_db_07(process) == "live"
        assert "ssh-ed25519" in (tmp_path / "known_hosts").read_text()
        assert (tmp_path / "cm").is_socket()


def test_the_dashboard_of_root_remembers_what_was_chosen(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "db-07")
    command = [*TCPCONNTOP, "fleet", str(tmp_path / "db-07")]
    with on_terminal(command, XDG_STATE_HOME=str(tmp_path)) as terminal:
        terminal.until("1 host")
        terminal.press("w")
        terminal.until("5m")
        terminal.press("q")
        assert terminal.end() == 0
    assert json.loads((tmp_path / "tcpconntop" / "dashboard.json").read_text())["window"] == "5m"


def test_who_calls_sudo_gets_no_right_of_root_by_an_ssh_command(tmp_path: Path) -> None:
    """GIVEN a sudo rule WHEN its user names a program instead of ssh THEN it runs as that user."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    script = f"echo $(id -u):$(id -g):$(grep CapEff /proc/self/status):$(cat {secret} 2>&1) >&2; exit 1"
    user = {"SUDO_UID": "65534", "SUDO_GID": "65534", "XDG_CONFIG_HOME": "/nonexistent"}
    with fleet("--ssh-command", shlex.join(["sh", "-c", script]), **user) as process:
        said = said_of_db_07(process)
    assert said.startswith("gone: 65534:65534:CapEff: 0000000000000000:")
    assert said.endswith("Permission denied")


def test_two_hosts_are_seen_and_one_that_was_killed_heals(ssh: str, tmp_path: Path) -> None:
    """GIVEN two hosts over ssh WHEN known connects happen THEN each reports all; a killed tracer is back."""
    pids = tmp_path / "pids"
    with workload.listener() as target:
        record = shlex.join([*TCPCONNTOP, "record", "-", "-P", str(workload.port_of(target)), *way.OPTIONS])
        words = ["--ssh-command", ssh, "--remote-command", f"cd {ROOT}; echo $$ >>{pids}; exec {record}"]
        with subprocess.Popen(
            [*UNPRIVILEGED, *TCPCONNTOP, "log", "--json", "--fleet", "db-07", "--fleet", "db-08", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as fleet:  # fmt: skip
            assert fleet.stdout is not None
            assert fleet.stderr is not None
            live = {lines_until(fleet.stderr, lambda line: line.endswith(": live\n"))[-1] for _ in range(2)}
            assert live == {"tcpconntop: db-07: live\n", "tcpconntop: db-08: live\n"}
            workload.connect(target, 23)
            lines = [json.loads(fleet.stdout.readline()) for _ in range(46)]
            assert Counter(line["host"] for line in lines) == {"db-07": 23, "db-08": 23}
            os.kill(int(pids.read_text().split()[0]), signal.SIGKILL)
            gone = lines_until(fleet.stderr, lambda line: ": gone" in line)[-1]
            name = gone.split(": ")[1]
            healed = lines_until(fleet.stderr, lambda line: line.endswith(": live\n"))[-1]
            assert healed.split(": ")[1] == name
            workload.connect(target, 7)
            lines = [json.loads(fleet.stdout.readline()) for _ in range(14)]
            assert Counter(line["host"] for line in lines) == {"db-07": 7, "db-08": 7}
            fleet.send_signal(signal.SIGINT)
            assert fleet.wait(DEADLINE_S) == 130
