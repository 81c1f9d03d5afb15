"""What tracing needs, in the words of the interface and of the loader.

Also imported by the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

NO_BCC = (
    "no Python here has BCC: install python3-bpfcc (Debian, Ubuntu), python3-bcc (Fedora), python-bcc (Arch) "
    "or py3-bcc (Alpine)"
)
NO_PRIVILEGES = "tracing needs root or CAP_BPF+CAP_PERFMON: run with sudo"
