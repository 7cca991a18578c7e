"""Make docs/formats/vectors anew: one signed, logged and proven bundle for every statement, under one trust root.

    python bench/format_vectors.py [FOLDER]

The keys are made for this run and forgotten; every run gives other bytes that say the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger import countersignature, dsse, sshsig
from countermark_ledger.authority import create_authority
from countermark_ledger.authority.issuing import Issuer, Request
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.log import Log, MemoryStore, ReleasedMemory
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.note import NoteSigner
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.commitment import Commitment
from countermark_ledger.predicates.enrolment import Enrolment
from countermark_ledger.predicates.generation import Evidence, Generation, Model, ModelSource, Session, Target
from countermark_ledger.predicates.policy_change import PolicyChange
from countermark_ledger.predicates.rows import split
from countermark_ledger.predicates.scan import Ran, Result, Scan
from countermark_ledger.predicates.status import Revocation, RevokedKind, Status
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.ssh_key import string as ssh_string
from countermark_ledger.statement import Statement
from countermark_ledger.trust import TrustRoot

DOMAIN, REPOSITORY = "vectors.example", "repository-1"
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
VECTORS = Path(__file__).parents[1] / "docs" / "formats" / "vectors"
AGENT, PERSON, OTHER, GATE, AUTHORITY, OBSERVER = (
    Identity(DOMAIN, kind, name)
    for kind, name in (
        (Kind.AGENT, "builder"),
        (Kind.PERSON, "p1"),
        (Kind.PERSON, "p2"),
        (Kind.GATE, "ci"),
        (Kind.AUTHORITY, "root"),
        (Kind.OBSERVER, "local"),
    )
)


def main(folder: Path) -> None:
    """Write trust-root.json and one file a statement."""
    with tempfile.TemporaryDirectory() as scratch:
        authority = create_authority(Path(scratch) / "keys", DOMAIN, AT - timedelta(days=1))
    trust, store = authority.trust_root(REPOSITORY), MemoryStore()

    def log(signer: NoteSigner) -> Log:
        return Log.create(signer.verifier.name, store, signer, ReleasedMemory(), lambda: AT)

    issuer = Issuer(authority, log(authority.log), log(authority.certificate_log), lambda: AT)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trust-root.json").write_bytes(trust.encode())
    named = statements(trust)
    signed = issuer.sign([Request(signer, statement) for signer, statement in named.values()])
    for (name, (signer, statement)), one in zip(named.items(), signed, strict=True):
        vector = {
            "signer": str(signer),
            "signed": AT.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "logIndex": one.log_index,
            "name": one.name,
            "statement": json.loads(statement.encode()),
            "bundle": one.raw.decode(),
            "certificateProof": one.certificate_proof.decode(),
        }
        (folder / f"{name}.json").write_text(json.dumps(vector, indent=2) + "\n")


def statements(trust: TrustRoot) -> dict[str, tuple[Identity, Statement]]:
    """Name every kind of statement, with who signs it."""
    root = trust.digest.removeprefix("sha256:")
    listing = hashlib.sha256(b"landing").hexdigest()
    binding = Binding(REPOSITORY, "refs/heads/main", "b" * 40, "c" * 40, "d" * 40, listing, "merge", (listing,))
    week = AT + timedelta(days=7)
    stolen = Revocation(RevokedKind.IDENTITY, f"spiffe://{DOMAIN}/agent/stolen", AT, 4, "key stolen")
    request = WaiverRequest(REPOSITORY, "a.py", listing, None, None, AGENT, PERSON, "a sample", 1, None, week, 1)
    waiver = dsse.name_of(request.statement().encode())
    ended = Revocation(RevokedKind.WAIVER, waiver, AT, 5, "no longer needed")
    return {
        "generation": (AGENT, generation().statement()),
        "claim": (PERSON, Claim(PERSON, target(), split(change())[0]).statement()),
        "approval": (OTHER, approval(listing).statement()),
        "waiver-request": (PERSON, request.statement()),
        "waiver-approval": (OTHER, WaiverApproval(waiver, OTHER).statement()),
        "waiver-revocation": (PERSON, WaiverRevocation(waiver, PERSON, "no longer needed").statement()),
        "policy-change": (PERSON, PolicyChange(PERSON, REPOSITORY, 2, listing).statement()),
        "enrolment": (AUTHORITY, Enrolment(root, AGENT, PERSON, ("gpt",)).statement()),
        "key-rotation": (AUTHORITY, Enrolment(root, PERSON, None, (), ("SHA256:sample",), rotation=True).statement()),
        "scan": (GATE, Scan(listing, (Ran("bandit", "1.9.0", listing, None),), listing, Result.PASSED).statement()),
        "verdict": (
            GATE,
            Verdict(
                GATE, "0.1.0", AT, Outcome.PASSED, 0, 92, (), listing, (listing,), binding, points=((str(AGENT), 8),)
            ).statement(),
        ),
        "status": (AUTHORITY, Status(root, 1, 10, AT, week, (stolen, ended)).statement()),
    }


def approval(listing: str) -> Approval:
    """An approval that an SSH key of its person, made for this run, signed too."""
    asked = Approval(OTHER, REPOSITORY, "refs/heads/main", "b" * 40, "c" * 40, listing)
    key = Ed25519PrivateKey.generate()
    blob = ssh_string(b"ssh-ed25519") + ssh_string(key.public_key().public_bytes_raw())
    unsigned = sshsig.Signature(blob, countersignature.NAMESPACE.encode(), b"sha512", b"")
    raw = key.sign(unsigned.signed_bytes(countersignature.message(asked)))
    signature = replace(unsigned, signature=ssh_string(b"ssh-ed25519") + ssh_string(raw)).encode()
    armored = sshsig.BEGIN + base64.encodebytes(signature) + sshsig.END
    return countersignature.countersigned(asked, armored.decode())


def generation() -> Generation:
    """A boxed change of a new, a changed and a deleted file."""
    image = "sha256:" + "e" * 64
    return Generation(
        agent=AGENT,
        target=target(),
        evidence=Evidence.BOXED,
        session=Session("session-1", AT, AT, OBSERVER, "codex", "1.0", image, "strict"),
        part=split(change())[0],
        models=(Model("lab", "asked", "answered", "https://api.lab.example", ModelSource.WIRE),),
        tools=("shell",),
        tags=("@secure",),
        task=Commitment.of("a task", bytes(32)),
        operator=PERSON,
    )


def target() -> Target:
    """Where all vectors are meant to land."""
    return Target(REPOSITORY, "refs/heads/main", "b" * 40)


def change() -> Change:
    """One row of each sort."""
    old, new = (Node.of_blob(Mode.FILE, text) for text in (b"print('old')\n", b"print('new')\n"))
    rows = (Transition("added.py", None, new), Transition("changed.py", old, new), Transition("gone.py", old, None))
    return Change.of(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else VECTORS)
