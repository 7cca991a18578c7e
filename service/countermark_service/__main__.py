"""`<venv>/bin/python -I -m countermark_service ...`: the start-up line for hostile checkouts (DESIGN.md section 3)."""

from __future__ import annotations

import gc
import os
import sys

from countermark_service.cli import main

SELDOM = 100_000
"""Collect garbage when so many objects more were made than freed: as often as Python does costs a tenth of the time."""


def leave(code: int) -> None:
    """End the process; on success, where all is said and closed, without taking the interpreter apart."""
    if code == 0:
        sys.stderr.flush()
        os._exit(code)  # `main` has flushed the answer, or this would not be 0
    sys.exit(code)


if __name__ == "__main__":
    gc.set_threshold(SELDOM)
    leave(main())
