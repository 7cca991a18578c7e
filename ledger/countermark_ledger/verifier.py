"""The verifier: one bundle, from bytes alone, against a pinned trust root. A numbered list.

1. ENVELOPE   the bundle is the one accepted spelling; its payload is an in-toto statement
2. ENTRY      the logged entry is byte for byte the one recomputed from OUR payload, signature and certificate
3. TIME       the pinned authority timestamped exactly this signature
4. CHAIN      the certificate chains to the pinned authority at that time, and has the profile
5. PROMISE    its embedded SCT holds under the pinned key
6. ISSUED     it really is in the pinned certificate log
7. SIGNATURE  its key signed the payload
8. INCLUDED   the entry is in the pinned log: index, size, root, path, checkpoint, origin and key agree
9. SIGNER     the identity belongs to this trust domain

Layer: ledger core. Does no I/O and reads no clock: bytes go in, a `Verified` comes out or a refusal is raised.
Trust: everything but `trust` is hostile. Revocation is not decided here but in `revocation`, against a status.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

from . import checkpoint, dsse, leaf, merkle, sct
from .bundle import Bundle, Entry, content_name
from .certificate import LeafCertificate, verify_leaf
from .checkpoint import TreeHead
from .errors import BadInclusion, BadSignature, WrongEntry, WrongIdentity, WrongLog
from .identity import Identity
from .public_key import EcdsaVerification
from .statement import Statement
from .timestamp import verify_timestamp
from .tlog_proof import TlogProof
from .trust import TrustRoot


class Verified(NamedTuple):
    """A statement, who signed it, when (timestamp, UTC) and where in the log. Only `verify` makes one."""

    name: str
    statement: Statement
    signer: Identity
    key_sha256: str
    signed: datetime
    log_index: int
    head: TreeHead
    pae_sha256: str


def verify(raw: bytes, *, certificate_proof: bytes, trust: TrustRoot) -> Verified:
    """Walk the numbered list for one bundle and the tlog-proof of its certificate; raise at the first refusal."""
    bundle = Bundle.parse(raw)  # 1
    statement = Statement.parse(bundle.envelope.payload)
    return verify_parsed(content_name(raw), bundle, statement, certificate_proof=certificate_proof, trust=trust)


def verify_parsed(
    name: str, bundle: Bundle, statement: Statement, *, certificate_proof: bytes, trust: TrustRoot
) -> Verified:
    """Go on from step 2 with what step 1 made of the bundle of this content name, and of its own payload."""
    pae_sha256 = hashlib.sha256(dsse.pae(dsse.PAYLOAD_TYPE, bundle.envelope.payload)).digest()
    _verify_entry(bundle, pae_sha256)  # 2
    signed = verify_timestamp(bundle.timestamp_der, data=bundle.envelope.signature, chain=trust.tsa_chain)  # 3
    certificate = verify_leaf(bundle.certificate_der, chain=trust.ca_chain, at=signed)  # 4
    promised = sct.verify(bundle.certificate_der, trust.issuer_spki, trust.sct_key)  # 5
    TlogProof.parse(certificate_proof).verify(merkle.leaf_hash(promised), trust.certificate_log)  # 6
    _verify_signature(certificate, bundle.envelope.signature, dsse.pae(dsse.PAYLOAD_TYPE, bundle.envelope.payload))  # 7
    head = _verify_included(bundle.entry, trust)  # 8
    return Verified(
        name=name,
        statement=statement,
        signer=_signer(certificate, trust),  # 9
        key_sha256=certificate.spki_sha256,
        signed=signed,
        log_index=bundle.entry.log_index,
        head=head,
        pae_sha256=pae_sha256.hex(),
    )


def verify_logged(bundle: Bundle, trust: TrustRoot) -> TreeHead:
    """Walk steps 2 and 8 alone. They are cheap, and only what the pinned log took in passes them."""
    _verify_entry(bundle, hashlib.sha256(dsse.pae(dsse.PAYLOAD_TYPE, bundle.envelope.payload)).digest())
    return _verify_included(bundle.entry, trust)


def _verify_entry(bundle: Bundle, pae_sha256: bytes) -> None:
    expected = leaf.entry(pae_sha256, bundle.envelope.signature, bundle.certificate_der)
    if expected != bundle.entry.body:
        raise WrongEntry("log entry: expected the one recomputed from this payload, signature and certificate")


def _verify_signature(certificate: LeafCertificate, signature: bytes, message: bytes) -> None:
    try:
        certificate.public_key.verify(signature, message, EcdsaVerification(hashes.SHA256()))
    except InvalidSignature as error:
        raise BadSignature("envelope: the certificate's key did not sign this payload") from error


def _verify_included(entry: Entry, trust: TrustRoot) -> TreeHead:
    if entry.key_id != trust.log.key_hash:
        raise WrongLog(f"log id: expected that of {trust.log.name}, found another key's")
    head = checkpoint.verified(entry.checkpoint, trust.log)
    if entry.log_index != entry.proof_index:
        raise BadInclusion(f"log index: the entry says {entry.log_index}, its proof says {entry.proof_index}")
    if (entry.tree_size, entry.root_hash) != (head.size, head.root):
        raise BadInclusion("inclusion proof: its size and root are not those of the signed checkpoint")
    merkle.verify_inclusion(
        index=entry.log_index,
        size=head.size,
        leaf=merkle.leaf_hash(entry.body),
        path=entry.hashes,
        root=head.root,
    )
    return head


def _signer(certificate: LeafCertificate, trust: TrustRoot) -> Identity:
    identity = Identity.parse(certificate.identity)
    if identity.trust_domain != trust.trust_domain or certificate.issuer != trust.issuer:
        raise WrongIdentity(f"signer: expected one of {trust.trust_domain} by {trust.issuer}, found {identity}")
    return identity
