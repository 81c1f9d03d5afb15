"""`doctor`: what this kernel and machine offer, and what mends them."""

from __future__ import annotations

from argparse import Namespace

from tcpconntop.kernel.launch import Loader, TracerError, spawn_loader
from tcpconntop.kernel.privileges import caller, drop_privileges


def run(args: Namespace) -> int:
    """Try everything, and say what came of it."""
    who = caller()
    loader: Loader | TracerError
    try:
        loader = spawn_loader(privileged=False)  # the kernel refuses for itself
    except TracerError as error:
        loader = error
    if who.may_trace:
        drop_privileges()
    from tcpconntop.doctor.examine import examine
    from tcpconntop.doctor.report import document, report
    from tcpconntop.outputs.document import dump

    checkup = examine(loader, who)
    print(dump(document(checkup)) if args.json else report(checkup), end="\n" if args.json else "")
    return checkup.exit_code
