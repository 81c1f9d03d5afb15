"""`fleet`: shows several hosts on the dashboard, or prints them with `-b`."""

from __future__ import annotations

from argparse import Namespace

from tcpconntop.commands import batch, dashboard


def run(args: Namespace) -> int:
    """Run `-b` or the dashboard over the hosts."""
    return batch.run(args) if args.batch else dashboard.run(args)
