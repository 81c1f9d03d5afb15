"""Where keys come from if stdin brings a recording. Without Textual, so that it can be asked for early."""

from __future__ import annotations

import os


def open_keyboard() -> int:
    """Return a new descriptor of the controlling terminal, to read keys from.

    Raises:
        OSError: there is none.
    """
    return os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
