"""`demo`: the dashboard, tracing a small workload that it starts itself."""

from __future__ import annotations

from argparse import Namespace

from tcpconntop.commands.dashboard import show
from tcpconntop.commands.settings import restore_ui_state
from tcpconntop.commands.tracing import PrivilegedStart, writable_folders
from tcpconntop.commands.view import view_spec_from_args
from tcpconntop.kernel.request import TraceRequest


def run(args: Namespace) -> int:
    """Start the workload, trace it and show the dashboard."""
    with PrivilegedStart(lambda: writable_folders(args)) as privileged:
        request = TraceRequest()
        privileged.begin(request)
        restore_ui_state(args)
        spec = view_spec_from_args(args)
        from tcpconntop.demo.source import Demo

        with Demo(privileged.loader_or_error, request) as demo:
            return show(args, spec, demo.open_source, demo.cancel)
