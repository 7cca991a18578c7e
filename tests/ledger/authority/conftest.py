"""An authority founded once, and two forges: they hold its keys and break exactly one rule at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from countermark_ledger import der, x509
from countermark_ledger.authority import Authority, EcdsaSigner, KeyDirectory, create_authority
from countermark_ledger.authority.ca import signed
from countermark_ledger.der import octet_string, sequence, tlv
from countermark_ledger.trust import TrustRoot
from countermark_ledger.x509 import Body, Extension

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AGENT = "spiffe://forge.example/agent/builder"
SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
SHA256 = sequence(der.oid("2.16.840.1.101.3.4.2.1"))
ECDSA_SHA256 = sequence(der.oid("1.2.840.10045.4.3.2"))
ATTRIBUTE = {
    "content-type": "1.2.840.113549.1.9.3",
    "message-digest": "1.2.840.113549.1.9.4",
    "signing-certificate": "1.2.840.113549.1.9.16.2.12",
    "signing-certificate-v2": "1.2.840.113549.1.9.16.2.47",
}


@dataclass(frozen=True)
class Bench:
    """An authority, its key directory, and a leaf it issued at `NOW`."""

    path: Path
    authority: Authority
    trust: TrustRoot
    leaf: bytes
    entry: bytes

    def key(self, role: str) -> EcdsaSigner:
        return KeyDirectory(self.path).signer(role)

    def certificate(self, role: str) -> bytes:
        (intermediate, root), (tsa, tsa_root) = self.authority.ca.chain, self.authority.tsa.chain
        return {"intermediate": intermediate, "root": root, "tsa": tsa, "tsa-root": tsa_root}[role]

    @staticmethod
    def with_extension(body: Body, extension: Extension) -> Body:
        """Replace the extension of the same kind in place, or add it."""
        if body.extension(extension.oid) is None:
            return body._replace(extensions=(*body.extensions, extension))
        kept = tuple(extension if x.oid == extension.oid else x for x in body.extensions)
        return body._replace(extensions=kept)

    def altered(self, role: str, by: str, change: Callable[[Body], Body]) -> bytes:
        """Sign the changed body of a role's certificate with another role's key."""
        return signed(change(x509.parse(self.certificate(role)).body), self.key(by)).der

    def altered_leaf(self, change: Callable[[Body], Body]) -> bytes:
        return signed(change(x509.parse(self.leaf).body), self.key("intermediate")).der


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    path = tmp_path_factory.mktemp("authority") / "keys"
    authority = create_authority(path, "forge.example", NOW - timedelta(days=1))
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    issued = authority.ca.issue(key, AGENT, authority.issuer, NOW)
    trust = authority.trust_root("repository-1")
    return Bench(path, authority, trust, issued.certificate_der, issued.certificate_log_entry)


@dataclass(frozen=True)
class Token:
    """A timestamp token in parts; `build` hashes and signs them honestly unless told what to say instead."""

    certificate: bytes
    signer: EcdsaSigner
    status: bytes = sequence(der.integer(0))
    outer_type: bytes = SIGNED_DATA
    version: int = 3
    digests: bytes = SHA256
    content_type: bytes = TST_INFO
    info_version: int = 1
    imprint_algorithm: bytes = SHA256
    imprint: bytes = hashlib.sha256(b"signature").digest()
    time: bytes = tlv(0x18, b"20261122120100Z")
    info_tail: bytes = b""
    certificates: bytes | None = None
    after_certificates: bytes = b""
    signer_version: int = 1
    issuer: bytes | None = None
    serial: int | None = None
    digest_algorithm: bytes = SHA256
    attributes: dict[str, bytes | None] = field(default_factory=dict)
    shuffle: bool = False
    algorithm: bytes = ECDSA_SHA256
    signature: bytes | None = None
    signer_tail: bytes = b""
    second_signer: bool = False
    tail: bytes = b""

    def build(self) -> bytes:
        info = sequence(
            der.integer(self.info_version),
            der.oid("1.2.3.4"),
            sequence(self.imprint_algorithm, octet_string(self.imprint)),
            der.integer(99),
            self.time,
            self.info_tail,
        )
        attributes = self._attributes(info)
        signature = self.signature or self.signer.sign(tlv(0x31, *attributes))
        body = x509.parse(self.certificate).body
        signer = sequence(
            der.integer(self.signer_version),
            sequence(self.issuer or body.issuer, der.integer(self.serial or body.serial)),
            self.digest_algorithm,
            tlv(0xA0, *attributes),
            self.algorithm,
            octet_string(signature),
            self.signer_tail,
        )
        certificates = tlv(0xA0, self.certificate if self.certificates is None else self.certificates)
        signed_data = sequence(
            der.integer(self.version),
            tlv(0x31, self.digests),
            sequence(self.content_type, tlv(0xA0, octet_string(info))),
            certificates if self.certificates != b"" else b"",
            self.after_certificates,
            tlv(0x31, signer, signer if self.second_signer else b""),
        )
        return sequence(self.status, sequence(self.outer_type, tlv(0xA0, signed_data)), self.tail)

    def _attributes(self, info: bytes) -> list[bytes]:
        own = octet_string(hashlib.sha256(self.certificate).digest())
        values: dict[str, bytes | None] = {
            "content-type": self.content_type,
            "message-digest": octet_string(hashlib.sha256(info).digest()),
            "signing-certificate-v2": sequence(sequence(sequence(own))),
            **self.attributes,
        }
        found = [
            sequence(der.oid(ATTRIBUTE.get(name, name)), tlv(0x31, value))
            for name, value in values.items()
            if value is not None
        ]
        return sorted(found, reverse=self.shuffle)


@pytest.fixture(scope="session")
def token(bench: Bench) -> Token:
    return Token(bench.certificate("tsa"), bench.key("tsa"))
