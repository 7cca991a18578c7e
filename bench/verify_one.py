"""Verify one bundle, whole process, offline: ours beside the stock clients (wall and CPU seconds)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import scenery

BAR, MEMORY_BAR = 0.15, 80


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
    python, programs = sys.executable, Path(sys.executable).parent
    floor = scenery.processes([python, "-I", "-c", "pass"])
    roots = {kind: evidence / file for kind, file in ROOTS.items()}
    ours = scenery.processes(
        [python, "-I", "-m", "countermark_ledger", "verify", str(bundle), "app.py", "--trust-root", str(roots["ours"])]
    )
    stock = scenery.processes(
        [
            *(str(programs / "sigstore"), "--trust-config", str(roots["sigstore"]), "verify", "identity", "--offline"),
            *("--bundle", str(bundle), "--cert-identity", agent, "--cert-oidc-issuer", issuer, "app.py"),
        ]
    )
    yield _line("python -I -c pass", floor)
    yield _line("sigstore verify", stock)
    yield from _cosign(roots["cosign"], bundle, agent, issuer)
    yield _line("countermark_ledger verify", ours)
    yield f"  to sigstore: wall {ours[0] / stock[0]:.2f} x, CPU {ours[1] / stock[1]:.2f} x   bar {BAR} x"
    yield f"  peak memory: {ours[2]:.0f} MB   bar {MEMORY_BAR} MB"


def _line(name: str, figures: tuple[float, float, float]) -> str:
    return f"{name:<26} wall {figures[0]:6.3f} s   CPU {figures[1]:6.3f} s"


ROOTS = {"ours": "trust-root.json", "sigstore": "client-trust-config.json", "cosign": "trusted-root.json"}


def _cosign(root: Path, bundle: Path, agent: str, issuer: str) -> Iterator[str]:
    parts = os.environ.get("COUNTERMARK_PARTS", "")
    program = shutil.which("cosign", path=os.pathsep.join([f"{parts}/bin", parts, os.environ.get("PATH", "")]))
    if program is None:
        yield "cosign                     not here (make test-parts brings it)"
        return
    seconds = scenery.processes(
        [
            *(program, "verify-blob-attestation", "--bundle", str(bundle), "--trusted-root", str(root)),
            *("--use-signed-timestamps", "--certificate-identity", agent, "--certificate-oidc-issuer", issuer),
            *("--type", "https://slsa.dev/provenance/v1", "app.py"),
        ]
    )
    yield _line("cosign verify", seconds)
