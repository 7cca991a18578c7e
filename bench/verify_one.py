"""Verify one bundle, whole process, offline: ours beside the stock clients (wall and CPU seconds)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import scenery

BAR, MEMORY_BAR = 0.15, 80
FLOOR, STOCK, COSIGN, OURS = "python -I -c pass", "sigstore verify", "cosign verify", "countermark_ledger verify"
ROOTS = {"ours": "trust-root.json", "sigstore": "client-trust-config.json", "cosign": "trusted-root.json"}


def measure() -> Iterator[str]:
    """Sign one change, export it, and let each client verify the same bundle over the same file."""
    with scenery.repository() as root:
        Path("app.py").write_text("x = 1\n")
        scenery.countermark("record", "--agent", "coder", "--", "touch", "empty.py")
        name = scenery.countermark("sign", "--agent", "coder", "--json", "app.py").split('"bundle":"')[1][:64]
        scenery.countermark("log", "export", "../evidence")
        evidence = root.parent / "evidence"
        bundle = evidence / name[:2] / f"{name}.sigstore.json"
        yield from _clients(evidence, bundle)


def _clients(evidence: Path, bundle: Path) -> Iterator[str]:
    agent = scenery.countermark("agent", "list").split()[0]
    issuer = f"https://authority.{agent.split('/')[2]}"
    python, roots = sys.executable, {kind: str(evidence / file) for kind, file in ROOTS.items()}
    sigstore, cosign = str(Path(python).parent / "sigstore"), _cosign()
    commands = {
        FLOOR: [python, "-I", "-c", "pass"],
        STOCK: [
            *(sigstore, "--trust-config", roots["sigstore"], "verify", "identity", "--offline"),
            *("--bundle", str(bundle), "--cert-identity", agent, "--cert-oidc-issuer", issuer, "app.py"),
        ],
        OURS: [
            *(python, "-I", "-m", "countermark_ledger", "verify", str(bundle), "app.py"),
            *("--trust-root", roots["ours"]),
        ],
    }
    if cosign is not None:
        commands[COSIGN] = [
            *(cosign, "verify-blob-attestation", "--bundle", str(bundle), "--trusted-root", roots["cosign"]),
            *("--use-signed-timestamps", "--certificate-identity", agent, "--certificate-oidc-issuer", issuer),
            *("--type", "https://slsa.dev/provenance/v1", "app.py"),
        ]
    figures = scenery.side_by_side(commands)
    yield from (_line(name, figures[name]) for name in commands)
    if cosign is None:
        yield f"{COSIGN:<26} not here (make test-parts brings it)"
    ours, stock = figures[OURS], figures[STOCK]
    yield f"  to sigstore: wall {ours[0] / stock[0]:.3f} x, CPU {ours[1] / stock[1]:.3f} x   bar {BAR} x"
    yield f"  peak memory: {ours[2]:.0f} MB   bar {MEMORY_BAR} MB"


def _line(name: str, figures: tuple[float, float, float]) -> str:
    return f"{name:<26} wall {figures[0]:6.3f} s   CPU {figures[1]:6.3f} s"


def _cosign() -> str | None:
    parts = os.environ.get("COUNTERMARK_PARTS", "")
    return shutil.which("cosign", path=os.pathsep.join([f"{parts}/bin", parts, os.environ.get("PATH", "")]))
