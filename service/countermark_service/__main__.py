"""`<venv>/bin/python -I -m countermark_service ...`: the start-up line for hostile checkouts (DESIGN.md section 3)."""

from __future__ import annotations

import sys

from countermark_service.cli import main

if __name__ == "__main__":
    sys.exit(main())
