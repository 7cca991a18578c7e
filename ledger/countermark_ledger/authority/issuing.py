"""Issuing: statements go in, signed, timestamped, logged and proven bundles come out.

Layer: ledger core, authority side. Reads no clock of its own; the stores do the I/O.
Trust: whoever holds the authority's keys can impersonate anybody of its trust domain from now on, visibly in
the certificate log. Signing keys are made here, used once, and never stored.

Order: the certificate log commits before a certificate is used; the log commits the entries together with
the bundles that prove them; only then does `sign` return.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from .. import dsse, leaf
from ..bundle import Bundle, Entry, content_name
from ..identity import Identity
from ..log.appended import Appended
from ..log.indexing import index_rows
from ..log.log import Log
from ..log.rows import Blob, BlobKind, CommitmentKey, Row
from ..statement import Statement
from .keys import EcdsaSigner
from .root import Authority


@dataclass(frozen=True, slots=True)
class Request:
    """A statement to be signed as `identity`, and the commitment keys (by field) that only the store keeps."""

    identity: Identity
    statement: Statement
    commitment_keys: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """A bundle that is in the log: its name, its bytes, its place."""

    name: str
    raw: bytes
    certificate_proof: bytes
    log_index: int
    signed: datetime


@dataclass(frozen=True, slots=True)
class _Certified:
    """A key for one statement, with its certificate and the proof that it was logged."""

    signer: EcdsaSigner
    certificate_der: bytes
    certificate_proof: bytes


@dataclass(frozen=True, slots=True)
class _Draft:
    """A request with its signature and timestamp, not yet logged."""

    request: Request
    certified: _Certified
    envelope: dsse.Envelope
    timestamp_der: bytes

    def entry(self) -> bytes:
        """Spell the log entry (FORMATS.md section 1)."""
        digest = hashlib.sha256(self.envelope.pae()).digest()
        return leaf.entry(digest, self.envelope.signature, self.certified.certificate_der)


class Issuer:
    """The signing side of one authority: its two logs, its CA and its TSA, as one operation."""

    def __init__(self, authority: Authority, log: Log, certificates: Log, clock: Callable[[], datetime]) -> None:
        self._authority = authority
        self._log = log
        self._certificates = certificates
        self._clock = clock

    @contextmanager
    def session(self) -> Iterator[int]:
        """Keep other writers out while the caller composes and signs; yields the size of the log."""
        with self._log.session() as head:
            yield head.size

    def sign(self, requests: Sequence[Request]) -> tuple[Signed, ...]:
        """Sign and log all requests in one transaction; they get consecutive places in the log."""
        now = self._clock().replace(microsecond=0)
        certified = self._certify([request.identity for request in requests], now)
        drafts = [self._draft(*pair, now) for pair in zip(requests, certified, strict=True)]
        signed: list[Signed] = []

        def attach(appended: Appended) -> Sequence[Row]:
            signed[:] = [
                self._assemble(draft, appended, at, now) for draft, at in zip(drafts, appended.indices, strict=True)
            ]
            pairs = zip(drafts, signed, strict=True)
            return [row for draft, one in pairs for row in self._rows(draft, one, appended)]

        self._log.append([draft.entry() for draft in drafts], attach)
        return tuple(signed)

    def _certify(self, identities: Sequence[Identity], now: datetime) -> list[_Certified]:
        """Make a fresh key and certificate for every statement: a key signs once, and each proof is one bundle's."""
        signers = [EcdsaSigner(ec.generate_private_key(ec.SECP256R1())) for _ in identities]
        issued = [
            self._authority.ca.issue(
                signer.public_key, identity=str(identity), issuer=self._authority.issuer, not_before=now
            )
            for identity, signer in zip(identities, signers, strict=True)
        ]
        logged = self._certificates.append([one.certificate_log_entry for one in issued])
        return [
            _Certified(signer, one.certificate_der, logged.proof(index).encode())
            for signer, one, index in zip(signers, issued, logged.indices, strict=True)
        ]

    def _draft(self, request: Request, certified: _Certified, now: datetime) -> _Draft:
        payload = request.statement.encode()
        signature = certified.signer.sign(dsse.pae(dsse.PAYLOAD_TYPE, payload))
        stamp = self._authority.tsa.timestamp(signature, at=now, nonce=None)
        return _Draft(request, certified, dsse.Envelope(payload, signature), stamp)

    def _assemble(self, draft: _Draft, appended: Appended, index: int, now: datetime) -> Signed:
        proof = appended.proof(index)
        entry = Entry(
            log_index=index,
            key_id=self._log.verifier.key_hash,
            body=draft.entry(),
            proof_index=index,
            tree_size=appended.head.size,
            root_hash=appended.head.root,
            hashes=proof.path,
            checkpoint=appended.checkpoint,
        )
        bundle = Bundle(draft.certified.certificate_der, draft.timestamp_der, entry, draft.envelope)
        raw = bundle.encode()
        return Signed(content_name(raw), raw, draft.certified.certificate_proof, index, now)

    def _rows(self, draft: _Draft, signed: Signed, appended: Appended) -> list[Row]:
        keys = [CommitmentKey(signed.name, field, key) for field, key in draft.request.commitment_keys]
        return [
            Blob(BlobKind.BUNDLE, signed.raw),
            Blob(BlobKind.CERTIFICATE_PROOF, signed.certificate_proof, signed.name),
            Blob(BlobKind.LOG_PROOF, appended.proof(signed.log_index).encode(), signed.name),
            *index_rows(
                self._log.origin,
                signed.log_index,
                bundle=signed.name,
                signer=draft.request.identity,
                signed=signed.signed,
                statement=draft.request.statement,
            ),
            *keys,
        ]
