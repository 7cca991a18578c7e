"""gitsign itself, against a Fulcio and a Rekor that we play over HTTP: what it signs is what the gate counts.

Run where COUNTERMARK_GITSIGN is the path of the program (docs/guides/parts.md).
"""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from countermark_ledger import canonical

from .conftest import Scene
from .outside import ISSUER, PERSON, Sigstore, issue, logged, pem
from .test_outside_signatures import ROOT, policy, reasons

if TYPE_CHECKING:
    from conftest import Founded

pytestmark = pytest.mark.parts


@pytest.fixture
def gitsign() -> Path:
    found = os.environ.get("COUNTERMARK_GITSIGN")
    if not found:
        pytest.skip("NOT RUN: COUNTERMARK_GITSIGN gives no path (docs/guides/parts.md)")
    return Path(found)


@contextmanager
def serving(sigstore: Sigstore) -> Iterator[str]:
    """Answer as Fulcio (`/api/v1/signingCert`) and as Rekor (`/api/v1/log/entries`) do, on a port of our own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_certificate = self.path == "/api/v1/signingCert"
            kind, answer = _certificate(sigstore, asked) if is_certificate else _entry(sigstore, asked)
            self.send_response(201)
            self.send_header("Content-Type", kind)
            self.send_header("Location", f"/api/v1/log/entries/{'a' * 80}")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certificate(sigstore: Sigstore, asked: dict[str, Any]) -> tuple[str, bytes]:
    spki = b64decode(asked["publicKey"]["content"])
    leaf = issue(sigstore.founded, spki, PERSON, ISSUER, datetime.now(UTC))
    chain = [leaf, *sigstore.founded.authority.ca.chain]
    return "application/pem-certificate-chain", "".join(pem("CERTIFICATE", one) for one in chain).encode()


def _entry(sigstore: Sigstore, asked: dict[str, Any]) -> tuple[str, bytes]:
    body, at, rekor = canonical.dumps(asked), datetime.now(UTC), sigstore.rekor
    found = logged(body)
    proof = {
        "checkpoint": rekor.checkpoint(found.size, found.root),
        "hashes": [one.hex() for one in found.hashes],
        "logIndex": found.place,
        "rootHash": found.root.hex(),
        "treeSize": found.size,
    }
    promise = b64encode(rekor.promise(body, at, found.index)).decode()
    entry = {
        "body": b64encode(body).decode(),
        "integratedTime": int(at.timestamp()),
        "logID": rekor.id.hex(),
        "logIndex": found.index,
        "verification": {"inclusionProof": proof, "signedEntryTimestamp": promise},
    }
    return "application/json", json.dumps({"a" * 80: entry}).encode()


def _token() -> str:
    """A token as an identity provider gives it; who signed it is Fulcio's to ask."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": ISSUER, "sub": "1", "aud": "sigstore", "email": PERSON, "email_verified": True, "exp": now + 600}
    parts = [json.dumps(one).encode() for one in ({"alg": "RS256"}, claims)] + [b"signature"]
    return ".".join(urlsafe_b64encode(one).decode().rstrip("=") for one in parts)


def commit(scene: Scene, gitsign: Path, sigstore: Sigstore, *, mode: str) -> None:
    key = scene.root.parent / "rekor.pem"
    key.write_text(pem("PUBLIC KEY", sigstore.rekor.spki))
    with serving(sigstore) as url:
        environment = {
            **os.environ,
            "HOME": str(scene.root.parent),
            "GITSIGN_FULCIO_URL": url,
            "GITSIGN_REKOR_URL": url,
            "GITSIGN_REKOR_MODE": mode,
            "SIGSTORE_REKOR_PUBLIC_KEY": str(key),
            "SIGSTORE_ID_TOKEN": _token(),
        }
        program = ["-c", "gpg.format=x509", "-c", f"gpg.x509.program={gitsign}"]
        command = ["git", "-C", str(scene.root), *program, "commit", "-q", "-a", "-S", "-m", "signed by gitsign"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def ada(scene: Scene, founded_authority: Founded) -> tuple[Scene, Sigstore]:
    sigstore = Sigstore(founded_authority)
    scene.write({ROOT: sigstore.trusted_root()})
    identity = {"issuer": ISSUER, "identity": PERSON}
    policy(scene, lambda value: value["people"][0].update(sigstore=[identity]))
    scene.write({"app.py": "two = 2\n"})
    return scene, sigstore


def test_a_commit_that_gitsign_itself_signed_covers_what_it_changed(ada: tuple[Scene, Sigstore], gitsign: Path) -> None:
    scene, sigstore = ada
    commit(scene, gitsign, sigstore, mode="offline")
    decision = scene.gate()
    assert (decision["exitCode"], decision["coverage"]) == (0, {"covered": 1, "rows": 1})


def test_a_commit_whose_entry_gitsign_left_in_the_log_says_how_to_bring_it(
    ada: tuple[Scene, Sigstore], gitsign: Path
) -> None:
    scene, sigstore = ada
    commit(scene, gitsign, sigstore, mode="online")
    decision = scene.gate()
    assert decision["exitCode"] == 11
    assert "git config gitsign.rekorMode offline" in reasons(decision)
