"""Random mixtures of situations in several network namespaces at once, from a seed.

Run as `python sweep.py`. Each line of its input is a mixture as JSON (`Mixture`); it prints the processes and
their namespaces, makes the connects when it reads the next line, prints the truth about them, and ends what
is left of the mixture at one more line.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import container
import network
from situations import SITUATIONS
from truth import Place, Wait

from tcpconntop.sources.completeness import active_opens

HOSTS = ("127.0.0.1", "127.0.0.2", "::1", "10.99.0.1", "10.99.0.2", "fe80::99")
PORTS = range(1001, 1013)
"""Few: the same address and port means something else in another namespace."""


class Draw(NamedTuple):
    """A situation of a place: its name, where it connects to, and how often."""

    name: str
    host: str
    port: int
    n: int


@dataclass(frozen=True)
class Mixture:
    """What is made: the situations of each namespace, and how they are traced.

    `own`: the first namespace is the tracer's. `stay`: which namespaces remain until the end.
    """

    seed: int
    places: tuple[tuple[Draw, ...], ...]
    own: bool
    stay: tuple[bool, ...]
    ports: tuple[int, ...] = ()
    """Filter by port; empty for none."""
    first_process: bool = False
    """Filter by the process of the first place."""


@cache
def unavailable() -> dict[str, str]:
    """Return what this machine lacks: the need of a situation, and the reason."""
    rules = "add table inet tct; delete table inet tct"
    missing = {}
    try:
        made = subprocess.run(["nft", rules], check=False, capture_output=True, text=True)
        reason = made.stderr.strip().partition("\n")[0] if made.returncode else ""
    except FileNotFoundError:
        reason = "nft is missing: install nftables"
    if reason:
        missing = dict.fromkeys(("input", "output", "reject"), reason)
    for command in ("link add tctx type veth peer name tcty", "link del tctx"):
        made = subprocess.run(["ip", *command.split()], check=False, capture_output=True, text=True)
        if made.returncode:
            missing.setdefault("link", made.stderr.strip())
    return missing


def draw_mixture(seed: int, lacking: dict[str, str]) -> Mixture:
    """Return the mixture of a seed, without the situations that this machine lacks something for."""
    chance = random.Random(seed)
    possible = {name: kind for name, kind in SITUATIONS.items() if kind.needs not in lacking}
    places = tuple(tuple(_draw_place(chance, possible)) for _ in range(chance.choice((1, 2, 2, 3, 3, 4))))
    stay = tuple(chance.random() < 0.7 for _ in places)
    own = chance.random() < 0.5
    filtered = chance.random()
    used = sorted({draw.port for place in places for draw in place})
    ports = tuple(chance.sample(used, (len(used) + 1) // 2)) if filtered < 0.12 else ()
    return Mixture(seed, places, own, stay, ports, 0.12 <= filtered < 0.2)


def _draw_place(chance: random.Random, possible: dict[str, Any]) -> Iterator[Draw]:
    names, weights = list(possible), [kind.weight for kind in possible.values()]
    free = [(host, port) for host in HOSTS for port in PORTS]
    chance.shuffle(free)
    once: set[str] = set()
    for name in chance.choices(names, weights, k=chance.randint(1, 6)):
        kind = possible[name]
        if kind.needs in once:
            continue
        if kind.needs in ("alone", "last", "link"):
            once.add(kind.needs)
        while True:
            host, port = free.pop()
            if kind.needs != "v4" or ":" not in host:
                break
        yield Draw(name, host, port, chance.randint(kind.least, kind.most))


def rules_of(draws: list[Draw]) -> str:
    """Return the commands for nft that a place needs."""
    commands = ["add table inet tct"]
    for name, hook in (("i", "input"), ("r", "input"), ("o", "output")):
        commands.append(f"add chain inet tct {name} {{ type filter hook {hook} priority 0; }}")
    for draw in draws:
        needs = SITUATIONS[draw.name].needs
        where = f"{'ip6' if ':' in draw.host else 'ip'} daddr {draw.host} tcp dport {draw.port}"
        if needs in ("input", "output"):
            commands.append(f"add rule inet tct {needs[0]} {where} drop")
        elif needs == "reject":
            commands.append(f"add rule inet tct r {where} reject with icmpx type host-unreachable")
    return "; ".join(commands) if len(commands) > 4 else ""


def set_up(draws: list[Draw], own: str) -> bool:
    """Enter the namespace of a place; return True if its chain `i` has to be emptied later."""
    if own:
        target = os.open(own, os.O_RDONLY)
        assert container.ctypes.CDLL(None).setns(target, network.CLONE_NEWNET) == 0
        os.close(target)
    else:
        network.enter()
    hosts = {draw.host for draw in draws if draw.host[:2] in ("10", "fe")}
    for host in sorted(hosts):
        length = 64 if ":" in host else 32
        command = ["ip", "addr", "add", f"{host}/{length}", "dev", "lo", *["nodad"] * (length == 64)]
        subprocess.run(command, check=True)
    rules = rules_of(draws)
    if rules:
        subprocess.run(["nft", rules], check=True)
    return any(SITUATIONS[draw.name].needs == "input" for draw in draws)


def run(place: Place, draws: list[Draw], opens_later: bool) -> None:
    """Start all situations, and go on with each one when what it waits for is true."""
    waits: list[tuple[Iterator[Wait], Wait]] = []
    for draw in draws:
        situation = SITUATIONS[draw.name].run(place, draw.host, draw.port, draw.n)
        if (wait := next(situation, None)) is not None:
            waits.append((situation, wait))
    if opens_later:
        subprocess.run(["nft", "flush chain inet tct i"], check=True)
    last = sum(SITUATIONS[draw.name].needs == "last" for draw in draws)
    while waits:
        place.others_are_done = len(waits) == last
        container.poll(partial(any_true, [wait for _, wait in waits]))
        still = []
        for situation, wait in waits:
            following = next(situation, None) if wait() else wait
            if following is not None:
                still.append((situation, following))
        waits = still


def any_true(waits: list[Wait]) -> bool:
    return any(wait() for wait in waits)


def be_a_place(draws: list[Draw], own: str, stays: bool, ready: int, go: int, told: int, end: int) -> None:
    """The life of the process of a place."""
    opens_later = set_up(draws, own)
    me = Path("/proc/thread-self")
    place = Place((me / "ns/net").stat().st_ino)
    os.write(ready, json.dumps([os.getpid(), place.netns]).encode() + b"\n")
    os.read(go, 1)
    before = active_opens(me)
    assert before is not None
    with place.stack:
        run(place, draws, opens_later)
        opens = (active_opens(me) or 0) - before
        truth = {"opens": opens, "connects": [asdict(one) for one in place.truths]}
        os.write(told, json.dumps(truth).encode() + b"\n")
        if stays:
            os.read(end, 1)


def main() -> None:
    for line in sys.stdin:
        mixture, own = json.loads(line)
        pipes = []
        go, end = os.pipe(), os.pipe()
        for number, (draws, stays) in enumerate(zip(mixture["places"], mixture["stay"], strict=True)):
            ready, told = os.pipe(), os.pipe()
            if os.fork() == 0:
                os.close(go[1])
                os.close(end[1])
                where = own if number == 0 and mixture["own"] else ""
                be_a_place([Draw(*draw) for draw in draws], where, stays, ready[1], go[0], told[1], end[0])
                os._exit(0)
            os.close(ready[1])
            os.close(told[1])
            pipes.append((os.fdopen(ready[0]), os.fdopen(told[0])))
        made = [json.loads(ready.readline()) for ready, _ in pipes]
        # While a namespace is open here, no other one gets its number: places that end would be mistaken.
        kept = [os.open(f"/proc/{pid}/ns/net", os.O_RDONLY) for pid, _ in made]
        print(json.dumps(made), flush=True)
        sys.stdin.readline()
        os.close(go[1])
        print(json.dumps([json.loads(told.readline() or "{}") for _, told in pipes]), flush=True)
        sys.stdin.readline()
        os.close(end[1])
        for fd in (go[0], end[0], *kept):
            os.close(fd)
        with suppress(ChildProcessError):
            while True:
                os.wait()


if __name__ == "__main__":
    main()
