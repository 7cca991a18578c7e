"""Verify one bundle, whole process, CPU seconds: ours beside the stock clients, offline."""

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
    floor, _ = scenery.processes([python, "-I", "-c", "pass"])
    roots = {kind: evidence / file for kind, file in ROOTS.items()}
    ours, memory = scenery.processes(
        [python, "-I", "-m", "countermark_ledger", "verify", str(bundle), "app.py", "--trust-root", str(roots["ours"])]
    )
    stock, _ = scenery.processes(
        [
            *(str(programs / "sigstore"), "--trust-config", str(roots["sigstore"]), "verify", "identity", "--offline"),
            *("--bundle", str(bundle), "--cert-identity", agent, "--cert-oidc-issuer", issuer, "app.py"),
        ]
    )
    yield f"python -I -c pass        {floor:6.3f} s"
    yield f"sigstore verify          {stock:6.3f} s"
    yield from _cosign(roots["cosign"], bundle, agent, issuer)
    yield f"countermark_ledger       {ours:6.3f} s   {ours / stock:.2f} x sigstore, bar {BAR} x"
    yield f"  its peak memory        {memory:6.0f} MB  bar {MEMORY_BAR} MB"


ROOTS = {"ours": "trust-root.json", "sigstore": "client-trust-config.json", "cosign": "trusted-root.json"}


def _cosign(root: Path, bundle: Path, agent: str, issuer: str) -> Iterator[str]:
    parts = os.environ.get("COUNTERMARK_PARTS", "")
    program = shutil.which("cosign", path=os.pathsep.join([f"{parts}/bin", parts, os.environ.get("PATH", "")]))
    if program is None:
        yield "cosign                   not here (make test-parts brings it)"
        return
    seconds, _ = scenery.processes(
        [
            *(program, "verify-blob-attestation", "--bundle", str(bundle), "--trusted-root", str(root)),
            *("--use-signed-timestamps", "--certificate-identity", agent, "--certificate-oidc-issuer", issuer),
            *("--type", "https://slsa.dev/provenance/v1", "app.py"),
        ]
    )
    yield f"cosign verify            {seconds:6.3f} s"
