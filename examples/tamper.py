"""Alter signed evidence: make every bundle under a folder that speaks of FILE say something else about it.

This plays the attacker of the demo. Usage: tamper.py FOLDER FILE
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path


def main(folder: Path, name: str) -> int:
    """Change the content that the statement names; keep everything else as it was signed."""
    altered = 0
    for bundle in sorted(folder.glob("*/*.sigstore.json")):
        document = json.loads(bundle.read_text(encoding="utf-8"))
        statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
        rows = statement["predicate"].get("buildDefinition", {}).get("internalParameters", {}).get("changes", [])
        ours = [row for row in rows if row["path"] == name]
        for row in ours:
            row["afterSha256"] = "0" * 64
        if ours:
            document["dsseEnvelope"]["payload"] = base64.b64encode(_spell(statement)).decode()
            bundle.write_bytes(_spell(document))
        altered += len(ours)
    print(f"altered {altered} signed row(s) about {name}")
    return 0 if altered else 1


def _spell(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
