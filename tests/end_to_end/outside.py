"""Signers outside of our ledger, played with real keys: a public Sigstore with gitsign before it, and a platform.

`Sigstore` issues what Fulcio does, logs as Rekor does (its first version, with a signed promise) and signs commits
as gitsign does. `Recipe` is how one signature is made, step by step; a forgery is a recipe with one step changed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import textwrap
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from countermark_ledger import canonical, der, leaf, merkle, proving, x509
from countermark_ledger.authority import EcdsaSigner
from countermark_ledger.der import octet_string, sequence, tlv

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ISSUER = "https://accounts.example.com"
PERSON = "ada@example.com"
SHA256 = sequence(der.oid("2.16.840.1.101.3.4.2.1"))
ECDSA_SHA256 = sequence(der.oid("1.2.840.10045.4.3.2"))
DATA = der.oid("1.2.840.113549.1.7.1")
ENTRY, STAMP = "1.3.6.1.4.1.57264.3.1", "1.2.840.113549.1.9.16.2.14"
TEXT, DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"


def attribute(name: str, value: bytes) -> bytes:
    return sequence(der.oid(name), tlv(0x31, value))


def varint(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets[-1] |= 0x80
        octets.append(value & 0x7F)
    return bytes(octets)


def number(at: int, value: int) -> bytes:
    return varint(at << 3) + varint(value) if value else b""


def octets(at: int, value: bytes) -> bytes:
    return varint(at << 3 | 2) + varint(len(value)) + value if value else b""


def issue(founded: Any, spki: bytes, identity: str, issuer: str, begins: datetime) -> bytes:
    """Issue a certificate as Fulcio does: for an address as well as for a URI, which is all that ours knows."""
    ca = founded.authority.ca
    body = ca._body(spki, "https://example.com", issuer, begins, timedelta(minutes=10))
    value = sequence(tlv(0x86 if "://" in identity else 0x81, identity.encode()))
    name = x509.Extension(x509.SUBJECT_ALTERNATIVE_NAME, critical=True, value=value)
    kept = tuple(name if one.oid == name.oid else one for one in body.extensions)
    made = ca._promised(body._replace(extensions=kept), int(begins.timestamp() * 1000))
    certificate: bytes = made.certificate_der
    return certificate


def pem(label: str, raw: bytes) -> str:
    lines = "".join(f"{line}\n" for line in textwrap.wrap(b64encode(raw).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n"


class Proof(NamedTuple):
    """Where a log has an entry: number 2 of the 5 of its newest shard, and 1002 of all."""

    root: bytes
    hashes: tuple[bytes, ...]
    index: int = 1002
    place: int = 2
    size: int = 5


def logged(body: bytes) -> Proof:
    leaves = [merkle.leaf_hash(raw) for raw in (b"zero", b"one", body, b"three", b"four")]
    path = proving.inclusion_path(
        2, 5, lambda level, index: proving.root_of(leaves[index << level : (index + 1) << level])
    )
    return Proof(proving.root_of(leaves), tuple(path))


@dataclass(frozen=True)
class Rekor:
    """A log of the first version: ECDSA, an id that is the key's digest, a promise and a proof for each entry."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    origin: str = "rekor.example.com - 1"

    @property
    def spki(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.DER, form)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.spki).digest()

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))

    def promise(self, body: bytes, at: datetime, index: int) -> bytes:
        said = {"body": b64encode(body).decode(), "integratedTime": int(at.timestamp()), "logID": self.id.hex()}
        return self.sign(canonical.dumps({**said, "logIndex": index}))

    def checkpoint(self, size: int, root: bytes) -> str:
        text = f"{self.origin}\n{size}\n{b64encode(root).decode()}\n"
        signed = b64encode(self.id[:4] + self.sign(text.encode())).decode()
        return f"{text}\n\N{EM DASH} {self.origin.split()[0]} {signed}\n"

    def instance(self) -> dict[str, Any]:
        key = {"rawBytes": b64encode(self.spki).decode(), "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
        return {
            "baseUrl": "https://rekor.example.com",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {**key, "validFor": {"start": "2020-01-01T00:00:00Z"}},
            "logId": {"keyId": b64encode(self.id).decode()},
        }


@dataclass(frozen=True)
class Recipe:
    """How one commit is signed; every step is honest unless it is replaced."""

    founded: Any
    rekor: Rekor
    identity: str = PERSON
    issuer: str = ISSUER
    begins: datetime = NOW
    logged_at: datetime | None = NOW + timedelta(minutes=2)
    signer: EcdsaSigner = field(default_factory=lambda: EcdsaSigner(ec.generate_private_key(ec.SECP256R1())))
    digest: Callable[[bytes], bytes] = lambda payload: hashlib.sha256(payload).digest()
    content_type: bytes = DATA
    signature: Callable[[bytes], bytes] = lambda signature: signature
    certificate: Callable[[bytes], bytes] = lambda certificate: certificate
    version: str = "0.0.1"
    body: Callable[[bytes], bytes] = lambda body: body
    said_body: bytes = b""
    said_size: int = 5
    checkpoint_size: int = 5
    entry: Callable[[bytes], bytes] = lambda entry: entry
    with_entry: bool = True
    stamped_at: datetime | None = None
    more_unsigned: tuple[bytes, ...] = ()
    inside: Callable[[bytes], bytes] = lambda certificate: certificate
    message: Callable[[bytes], bytes] = lambda message: message
    armor: Callable[[bytes], bytes] = lambda armored: armored

    def but(self, **steps: Any) -> Recipe:
        return replace(self, **steps)

    def sign(self, payload: bytes) -> bytes:
        """Spell gitsign's armored signature over a commit without one."""
        certificate = self.certificate(self._issue())
        attributes = sorted((attribute(TEXT, self.content_type), attribute(DIGEST, octet_string(self.digest(payload)))))
        artifact = tlv(0x31, *attributes)
        signature = self.signature(self.signer.sign(artifact))
        names = x509.parse(certificate).body
        unsigned = sorted(self._unsigned(artifact, signature, certificate))
        info = sequence(
            der.integer(1),
            sequence(names.issuer, der.integer(names.serial)),
            SHA256,
            tlv(0xA0, *attributes),
            ECDSA_SHA256,
            octet_string(signature),
            tlv(0xA1, *unsigned) if unsigned else b"",
        )
        content, inside = sequence(DATA), tlv(0xA0, self.inside(certificate))
        body = sequence(der.integer(1), tlv(0x31, SHA256), content, inside, tlv(0x31, info))
        message = self.message(sequence(der.oid("1.2.840.113549.1.7.2"), tlv(0xA0, body)))
        lines = textwrap.wrap(b64encode(message).decode(), 64)
        armored = "\n".join(["-----BEGIN SIGNED MESSAGE-----", *lines, "-----END SIGNED MESSAGE-----", ""])
        return self.armor(armored.encode())

    def _issue(self) -> bytes:
        return issue(self.founded, self.signer.spki, self.identity, self.issuer, self.begins)

    def _unsigned(self, artifact: bytes, signature: bytes, certificate: bytes) -> list[bytes]:
        found = list(self.more_unsigned)
        if self.with_entry:
            entry = self.entry(self._entry(self.body(self._body(artifact, signature, certificate))))
            found.append(attribute(ENTRY, octet_string(entry)))
        if self.stamped_at is not None:
            response = der.Reader(self.founded.authority.tsa.timestamp(signature, at=self.stamped_at)).enter(0x30)
            response.raw(0x30)
            found.append(attribute(STAMP, response.raw(0x30)))
        return found

    def _body(self, artifact: bytes, signature: bytes, certificate: bytes) -> bytes:
        digest = hashlib.sha256(artifact).digest()
        if self.version == "0.0.2":
            return leaf.entry(digest, signature, certificate)
        spec = {
            "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
            "signature": {
                "content": b64encode(signature).decode(),
                "publicKey": {"content": b64encode(pem("CERTIFICATE", certificate).encode()).decode()},
            },
        }
        return canonical.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec})

    def _entry(self, body: bytes) -> bytes:
        """Log a body as number 2 of 5, and spell the entry without it as gitsign does."""
        found = logged(body)
        checkpoint = self.rekor.checkpoint(self.checkpoint_size, found.root)
        proof = b"".join(
            [
                number(1, found.place),
                octets(2, found.root),
                number(3, self.said_size),
                *(octets(4, one) for one in found.hashes),
                octets(5, octets(1, checkpoint.encode())),
            ]
        )
        at = self.logged_at
        return b"".join(
            [
                number(1, found.index),
                octets(2, octets(1, self.rekor.id)),
                octets(3, octets(1, b"hashedrekord") + octets(2, self.version.encode())),
                number(4, int(at.timestamp()) if at else 0),
                octets(5, octets(1, self.rekor.promise(body, at, found.index))) if at else b"",
                octets(6, proof),
                octets(7, self.said_body),
            ]
        )


@dataclass(frozen=True)
class Sigstore:
    """A public Sigstore: what a reader pins of it, and how a person signs through it."""

    founded: Any
    rekor: Rekor = field(default_factory=Rekor)

    def trusted_root(self) -> str:
        stock = self.founded.trust.stock()
        return json.dumps({**stock, "tlogs": [self.rekor.instance()]})

    def recipe(self, **steps: Any) -> Recipe:
        return Recipe(self.founded, self.rekor).but(**steps)


def sign_commit(root: Path, commit: str, sign: Callable[[bytes], bytes], *, header: bytes = b"gpgsig") -> str:
    """Put a signature into a commit; return the signed commit's id."""
    raw = subprocess.run(["git", "-C", root, "cat-file", "commit", commit], capture_output=True, check=True).stdout
    head, _, text = raw.partition(b"\n\n")
    signature = sign(raw).rstrip(b"\n").replace(b"\n", b"\n ")
    return store_commit(root, head + b"\n" + header + b" " + signature + b"\n\n" + text)


def store_commit(root: Path, raw: bytes) -> str:
    """Store a commit as it is, well formed or not."""
    written = ["git", "-C", root, "hash-object", "-t", "commit", "-w", "--stdin", "--literally"]
    return subprocess.run(written, input=raw, capture_output=True, check=True).stdout.decode().strip()
