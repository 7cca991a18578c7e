"""Ask our scanners about a folder, as the gate does: every file is new, against an empty base.

    python ask.py FOLDER [SCANNER...]

Without a name the whole registry is asked. The answer is one JSON object on standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from countermark_scanners import registry
from countermark_scanners.scan import Means, scan


def main(root: Path, names: list[str]) -> int:
    """Print what the scan finds, what it could not read, what no scanner knows, and its error."""
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    scanners = registry.named(names) if names else registry.DEFAULT
    result = scan(files, {}, means=Means(scanners=scanners), progress=lambda _: None)
    answer = {
        "findings": [finding.to_json() for finding in result.new_findings],
        "unread": sorted({gap.path for gap in result.gaps}),
        "notCovered": [path for path, _ in result.not_covered(accepted=())],
        "error": result.error,
    }
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
