"""`demo`: the dashboard over a small workload of its own."""

from __future__ import annotations

from argparse import Namespace

from tcpconntop.commands.dashboard import show
from tcpconntop.commands.settings import recall
from tcpconntop.commands.tracing import Privileged
from tcpconntop.commands.view import spec_of


def run(args: Namespace) -> int:
    """Start the workload, trace it and show it."""
    with Privileged() as privileged:
        recall(args)
        spec = spec_of(args)
        from tcpconntop.demo.source import Demo

        with Demo(privileged.loader_or_refusal) as demo:
            return show(args, spec, demo.open_source, demo.cancel)
