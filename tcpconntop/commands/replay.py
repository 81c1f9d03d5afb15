"""`replay`: a recording on the dashboard, or with `-b`."""

from __future__ import annotations

from argparse import Namespace

from tcpconntop.commands import batch, dashboard


def run(args: Namespace) -> int:
    """Replay as what was asked for."""
    return batch.run(args) if args.batch else dashboard.run(args)
