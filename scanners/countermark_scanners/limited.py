"""Runs one program under resource limits: started as a script, it limits itself, then becomes the program.

Layer: scanners, started by `tool` as `python -I -S limited.py CPU MEMORY FILE PROGRAM ARGS...`. Standard library
only. A `preexec_fn` would do the same in the parent's own memory, where other threads may hold locks.
Trust: the arguments come from `tool`; the program's input is hostile.
"""

from __future__ import annotations

import os
import resource
import sys

CANNOT_LIMIT = 125


def limit(kind: int, amount: int) -> None:
    """Lower one limit; a hard limit that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(kind, (amount, amount))


def main(argv: list[str]) -> None:
    """Set the limits and replace this process."""
    cpu, memory, size, *command = argv
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, int(cpu))
    limit(resource.RLIMIT_FSIZE, int(size))
    if sys.platform == "linux":  # macOS accepts RLIMIT_AS and then refuses to start anything
        limit(resource.RLIMIT_AS, int(memory))
    os.execv(command[0], command)  # noqa: S606  # the argv list is ours; no shell is involved


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.stderr.write(f"limited: {error}\n")
        sys.exit(CANNOT_LIMIT)
