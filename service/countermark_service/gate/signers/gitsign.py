"""gitsign's signature over a commit: CMS around a certificate, with the log's entry beside it. A numbered list.

1. ARMOR    one `SIGNED MESSAGE`, in one spelling
2. SHAPE    CMS of one signer in DER, detached, with its one certificate and no attribute that we do not know
3. CONTENT  the signed attributes are about exactly this commit's bytes
4. ENTRY    the log entry is the one that we compute from our digest, signature and certificate

What is left to prove (the signature, the certificate, the proof, the time, the identity) is what the sigstore
library proves of the bundle that this makes (`sigstore`).
Source: sigstore/gitsign docs/bundle-cms.md and internal/rekor/oid/oid.go: what is signed and logged is the DER
of the signed attributes, and the entry is stored without its body.
Trust: every byte is hostile. The body of the log entry is never read from the commit (CVE-2024-51746).
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from countermark_ledger import canonical, cms, der, leaf, pem
from countermark_ledger.canonical import Json, b64decode, b64encode
from countermark_ledger.cms import SignedData, Signer
from countermark_ledger.der import Tag, sequence
from countermark_ledger.errors import BadSignature, Malformed, TooLarge, WrongEntry
from countermark_ledger.git.commits import Commit
from countermark_ledger.x509 import parse as parse_certificate
from countermark_service.gate.signers import log_entry
from countermark_service.gate.signers.log_entry import LogEntry

BEGIN: Final = b"-----BEGIN SIGNED MESSAGE-----\n"
END: Final = b"-----END SIGNED MESSAGE-----"
MAX_ARMOR = 128 * 1024
LOG_ENTRY = "1.3.6.1.4.1.57264.3.1"
TIMESTAMP = "1.2.840.113549.1.9.16.2.14"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ONLINE_HINT = "git config gitsign.rekorMode offline && git commit --amend --no-edit -S"

_LINES = re.compile(rb"(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n")
_GRANTED = sequence(der.integer(0))


class Signed(NamedTuple):
    """What a client of Sigstore verifies: a bundle, the bytes that its signature is over, and the entry in it."""

    bundle: bytes
    artifact: bytes
    entry: LogEntry


def read(commit: Commit) -> Signed:
    """Turn a commit's signature into a bundle about exactly this commit, which nobody has verified yet.

    Raises `Malformed`, or `BadSignature` and `WrongEntry` when it is about something else or was not logged in it.
    """
    signed = SignedData.parse_detached(_dearmored(commit.signature or b""))  # 1, 2
    certificate, signer = _certificate(signed), signed.signer
    _check_content(signed, commit.signed_payload)  # 3
    entry = _entry(signer)
    body = _body(entry, signer, certificate)  # 4
    bundle: dict[str, Json] = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "certificate": {"rawBytes": b64encode(certificate)},
            "tlogEntries": [entry.json(body)],
            "timestampVerificationData": {"rfc3161Timestamps": _timestamps(signer)},
        },
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": b64encode(hashlib.sha256(signer.signed).digest()),
            },
            "signature": b64encode(signer.signature),
        },
    }
    return Signed(canonical.dumps(bundle), signer.signed, entry)


def _dearmored(armored: bytes) -> bytes:
    if len(armored) > MAX_ARMOR:
        raise TooLarge(f"signed message: expected at most {MAX_ARMOR} bytes, found {len(armored)}")
    body = armored.rstrip(b"\n").removeprefix(BEGIN).removesuffix(END)
    if armored.rstrip(b"\n") != BEGIN + body + END or not _LINES.fullmatch(body):
        raise Malformed("signed message: expected one armored message in lines of 64 columns, found something else")
    return b64decode(body.replace(b"\n", b"").decode("ascii"))


def _certificate(signed: SignedData) -> bytes:
    """Return the one certificate inside, which must be the signer's."""
    if len(signed.certificates) != 1:
        raise Malformed(f"signed message: expected the signer's certificate, found {len(signed.certificates)}")
    body = parse_certificate(signed.certificates[0]).body
    if (signed.signer.issuer, signed.signer.serial) != (body.issuer, body.serial):
        raise BadSignature("signed message: its certificate is not the signer's")
    return signed.certificates[0]


def _check_content(signed: SignedData, payload: bytes) -> None:
    """The signature is over the attributes alone: they must be about these very bytes."""
    attributes = signed.signer.attributes
    if signed.content_type != cms.DATA or attributes.get(cms.CONTENT_TYPE) != der.oid(cms.DATA):
        raise BadSignature("signed message: expected a signature over data, found another content type")
    digest = hashlib.sha256(payload).digest()
    if signed.signer.digest != "sha256" or attributes.get(cms.MESSAGE_DIGEST) != der.octet_string(digest):
        raise BadSignature("signed message: it was made for another commit")


def _entry(signer: Signer) -> LogEntry:
    unknown = signer.unsigned.keys() - {LOG_ENTRY, TIMESTAMP}
    if unknown:
        raise Malformed(f"signed message: unexpected unsigned attribute {min(unknown)}")
    if LOG_ENTRY not in signer.unsigned:
        raise BadSignature("signed message: expected the log's entry inside it, found none", hint=ONLINE_HINT)
    value = der.Reader(signer.unsigned[LOG_ENTRY])
    entry = log_entry.parse(value.read(Tag.OCTET_STRING))
    value.finish()
    return entry


def _body(entry: LogEntry, signer: Signer, certificate: bytes) -> bytes:
    """Compute the entry that the log must hold, from what we verify."""
    digest = hashlib.sha256(signer.signed).digest()
    match entry.kind, entry.version:
        case "hashedrekord", "0.0.1":
            body = canonical.dumps(_hashedrekord(digest, signer.signature, certificate))
        case "hashedrekord", "0.0.2":
            body = leaf.entry(digest, signer.signature, certificate)
        case _:
            raise WrongEntry("log entry: expected a hashedrekord of version 0.0.1 or 0.0.2, found another kind")
    if entry.body not in {b"", body}:
        raise WrongEntry("log entry: it is about another digest, signature or certificate")
    return body


def _hashedrekord(digest: bytes, signature: bytes, certificate: bytes) -> Json:
    return {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
            "signature": {
                "content": b64encode(signature),
                "publicKey": {"content": b64encode(pem.of_certificate(certificate))},
            },
        },
    }


def _timestamps(signer: Signer) -> list[Json]:
    """Spell the timestamp, if there is one, as the response that a bundle holds: CMS keeps the token alone."""
    if TIMESTAMP not in signer.unsigned:
        return []
    value = der.Reader(signer.unsigned[TIMESTAMP])
    token = value.raw(Tag.SEQUENCE)
    value.finish()
    return [{"signedTimestamp": b64encode(sequence(_GRANTED, token))}]
