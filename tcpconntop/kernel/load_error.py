"""Why programs cannot be loaded or attached.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat

from tcpconntop.core.errors import EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED, FatalError
from tcpconntop.kernel.needs import NO_PRIVILEGES

_MAX_OUTPUT_BYTES = 1 << 16


class LoadError(FatalError):
    """The program cannot be loaded or attached."""

    @property
    def is_for_all_loaders(self) -> bool:
        """True if the kernel would refuse the same programs from another loader, too."""
        return self.exit_code == EXIT_NOT_PRIVILEGED


class ProbeSetRefusedError(LoadError):
    """The kernel has not got the probe set that was asked for, or refuses it."""

    @property
    def is_for_all_loaders(self) -> bool:
        """True: the image and BCC have the same probe sets."""
        return True


def load_error(what: str, code: int = 0) -> LoadError:
    """Return the error for a refused step `what`, with the errno `code` where it is known.

    EPERM means missing privileges. Of maps that are refused, BCC prints the reason.
    """
    if errno.EPERM in (code, ctypes.get_errno()) or os.strerror(errno.EPERM) in captured_output():
        return LoadError(NO_PRIVILEGES, EXIT_NOT_PRIVILEGED)
    return LoadError(what, EXIT_UNSUPPORTED)


def captured_output() -> str:
    """Return what this process has written to stderr, if that is a file; else an empty string."""
    is_file = stat.S_ISREG(os.fstat(2).st_mode)
    return os.pread(2, _MAX_OUTPUT_BYTES, 0).decode("utf-8", "replace") if is_file else ""
