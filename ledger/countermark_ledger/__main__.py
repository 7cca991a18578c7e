"""`<venv>/bin/python -I -m countermark_ledger verify ...`: the verifier, and nothing but the verifier.

Layer: ledger core, the way in. Imports `command` once `startup` has looked at how Python was started.
Trust: as `startup` says; `-I` is what keeps a checkout's modules out.
"""

from __future__ import annotations

import gc
import os
import sys

from countermark_ledger import startup


def main() -> int:
    """Look at the start-up before anything else is imported, then run.

    Collecting garbage would cost a tenth of the time of a process that reads a few capped files and ends.
    """
    startup.check("countermark_ledger")
    gc.disable()
    from countermark_ledger import command  # noqa: PLC0415 - what it imports could be planted

    return command.main(sys.argv[1:])


def leave(code: int) -> None:
    """End the process.

    On success the answer has been written and flushed, and nothing else is open: taking the interpreter apart
    would only cost another tenth of the time. Every other end takes the ordinary way.
    """
    if code == 0:
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    leave(main())
