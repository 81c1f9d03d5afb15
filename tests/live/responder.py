"""A peer that answers SYNs when a test says so, behind a veth pair in this network namespace."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

ADDRESS, OWN_ADDRESS, MAC = "198.18.0.2", "198.18.0.1", "02:00:00:00:00:02"
LINK, PEER_LINK = "tct0", "tct1"
ETH_P_IP, PACKET_OUTGOING = 0x800, 4
SYN, ACK, SYN_ACK, RST_ACK = 0x02, 0x10, 0x12, 0x14
TIMESTAMP = b"\x08\x0a"


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True)


@contextmanager
def link() -> Iterator[int]:
    """A link of this network namespace to a peer without a system of its own. Yields its index.

    Skips the test where the kernel has no such links.
    """
    try:
        ip(f"link add {LINK} type veth peer name {PEER_LINK}")
    except subprocess.CalledProcessError as error:
        import pytest

        pytest.skip(f"no veth link can be made here: {error.stderr.decode().strip()}")
    try:
        ip(f"link set {LINK} up")
        ip(f"link set {PEER_LINK} up")
        ip(f"addr add {OWN_ADDRESS}/24 dev {LINK}")
        ip(f"neigh replace {ADDRESS} lladdr {MAC} dev {LINK} nud permanent")
        yield socket.if_nametoindex(LINK)
    finally:
        ip(f"link del {LINK}")


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data + b'0') // 2}H", data + b"\0" * (len(data) % 2)))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class Responder:
    """Answers one SYN of the connects to `ADDRESS`.

    Args:
        nth: which SYN of the connect is answered, from 1.
        delay_s: how long after its arrival.
        flags: `SYN_ACK` or `RST_ACK`.
        stamps: whether to answer with TCP time stamps.
        stray: whether to send another segment first, at once: an ACK without a SYN, which answers nothing.
    """

    def __init__(
        self, nth: int = 1, delay_s: float = 0, flags: int = SYN_ACK, stamps: bool = True, stray: bool = False
    ) -> None:
        self._nth, self._delay_s, self._flags, self._stamps = nth, delay_s, flags, stamps
        self._stray = stray
        self.arrived_ns: list[int] = []
        """When each SYN arrived."""
        self.answered_ns = 0
        """When the answer was sent."""
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        self._socket.bind((PEER_LINK, ETH_P_IP))
        self._ends = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Responder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        answer, due_s = b"", 0.0
        while not self._ends:
            if answer and time.monotonic() >= due_s:
                self.answered_ns = time.monotonic_ns()
                self._socket.send(answer)
                answer = b""
            self._socket.settimeout(max(0.001, min(0.05, due_s - time.monotonic())) if answer else 0.05)
            try:
                frame, source = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if source[2] == PACKET_OUTGOING or frame[23] != socket.IPPROTO_TCP or frame[47] & 0x3F != SYN:
                continue
            self.arrived_ns.append(time.monotonic_ns())
            if len(self.arrived_ns) == self._nth:
                if self._stray:
                    self._socket.send(self._answer(frame, ACK))
                answer, due_s = self._answer(frame, self._flags), time.monotonic() + self._delay_s

    def _answer(self, frame: bytes, flags: int) -> bytes:
        """Return the answer to the SYN in a frame, as a frame."""
        lport, dport, sequence = struct.unpack("!HHI", frame[34:42])
        options = b""
        if flags == SYN_ACK:
            options = b"\x02\x04\x05\xb4"
            if self._stamps:
                options += (
                    b"\1\1" + TIMESTAMP + struct.pack("!I", 77) + frame[frame.index(TIMESTAMP, 54) + 2 :][:4]
                )
        length = 20 + len(options)
        tcp = struct.pack(
            "!HHIIBBHHH", dport, lport, 1000, sequence + 1, length // 4 << 4, flags, 65535, 0, 0
        )
        tcp += options
        source, target = frame[30:34], frame[26:30]
        pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, length)
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, socket.IPPROTO_TCP, 0)
        header += source + target
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        return frame[6:12] + frame[:6] + b"\x08\0" + header + tcp
