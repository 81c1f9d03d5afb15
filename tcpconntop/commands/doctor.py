"""`doctor`: examine this kernel and machine, and print the fix for what is missing."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from tcpconntop.commands.streams import data_stdout
from tcpconntop.doctor import try_load
from tcpconntop.kernel.launch import Loader, TracerError, spawn_loader
from tcpconntop.kernel.privileges import caller, drop_privileges


def run(args: Namespace) -> int:
    """Examine the machine and print the report. Return the exit code of a command that traces."""
    user = caller()
    loader: Loader | TracerError
    try:
        loader = spawn_loader(privileged=False, entry=try_load.ENTRY)  # let the kernel refuse
    except TracerError as error:
        loader = error
    drop_privileges()
    from tcpconntop.doctor.examine import examine
    from tcpconntop.doctor.report import report_document, report_text
    from tcpconntop.outputs.document import dump

    report = examine(loader, user)
    if args.json:
        print(dump(report_document(report)), file=data_stdout())
    else:
        print(report_text(report, colours=shows_colours()), end="")
    return report.exit_code


def shows_colours() -> bool:
    """Return True if stdout is a terminal with colours, and the user has not said that there be none."""
    has_colours = os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")
    return has_colours and sys.stdout.isatty()
