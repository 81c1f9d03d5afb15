"""`diff`: prints what got worse, is new or is gone from one recording to another."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.files import open_files
from tcpconntop.commands.signals import interrupted
from tcpconntop.commands.streams import data_stdout
from tcpconntop.commands.tracing import writable_folders
from tcpconntop.commands.view import connect_filter_from_args
from tcpconntop.commands.whole import read_whole
from tcpconntop.core.errors import EXIT_OK
from tcpconntop.kernel.privileges import drop_privileges


def run(args: Namespace) -> int:
    """Read both recordings, and print the differences."""
    opened = [open_files([path]) for path in (args.before, args.after)]
    drop_privileges(lambda: writable_folders(args))
    where = connect_filter_from_args(args)
    from tcpconntop.core.analysis.compare import compare
    from tcpconntop.outputs.diff import diff_document, diff_text
    from tcpconntop.outputs.document import dump

    before, after = (read_whole(files, args) for files in opened)
    if before is None or after is None:
        return interrupted.exit_code
    comparison = compare(before, after, args.group, where)
    if args.json:
        print(dump(diff_document(before, after, args.group, comparison)), file=data_stdout())
    else:
        print(diff_text(before, after, args.group, comparison))
    sys.stdout.flush()
    return EXIT_OK
