"""Becomes the tracer, without privileges and under limits: started as a script by `keep.sh`, outside the sandbox.

Layer: scanners, dynamic; `python -I -S launch.py UID PROCESSES FILES FILTER -- PROGRAM ARGS...`. Standard library
only. Where the gate runs as root it first becomes a user that nobody else is, so that whatever breaks out of the
sandbox is nobody, and so that the kernel counts its processes (it never counts root's).
Trust: the arguments come from `bubblewrap`; what is started afterwards is hostile.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

CANNOT_LAUNCH = 124
FILTER_DESCRIPTOR = 10
STAYS = "-"


def become(uid: str) -> None:
    """Give up root for good, when there is something to give up."""
    if uid != STAYS:
        os.setgroups([])
        os.setresgid(int(uid), int(uid), int(uid))
        os.setresuid(int(uid), int(uid), int(uid))


def main(argv: list[str]) -> None:
    """Set the limits and replace this process."""
    uid, processes, files, program, _, *command = argv
    os.dup2(os.open(program, os.O_RDONLY), FILTER_DESCRIPTOR, inheritable=True)
    Path("/proc/self/oom_score_adj").write_text("1000")  # whoever swells goes first, and not the machine's own
    become(uid)
    for kind, amount in ((resource.RLIMIT_NPROC, int(processes)), (resource.RLIMIT_NOFILE, int(files))):
        _, hard = resource.getrlimit(kind)
        least = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(kind, (least, least))
    os.umask(0o022)
    os.execv(command[0], command)  # noqa: S606  # the argv list is ours; no shell is involved


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"launch: {error}\n")
        sys.exit(CANNOT_LAUNCH)
