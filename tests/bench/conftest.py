"""Makes the modules of bench/scanners importable, as they are when the folder is run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "bench" / "scanners"))
