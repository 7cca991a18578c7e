"""The trust root: everything a reader pins, in one file, `.countermark/trust-root.json`.

Layer: ledger core, above `issuers` and `timestamp`. Does no I/O and reads no clock.
Trust: the bytes are hostile until `TrustRoot.parse` returns; whether they are the RIGHT bytes only a pinned
digest says (DESIGN.md section 2, step 1). Whoever chooses the trust root chooses what is true.

The stock Sigstore trusted root inside is not a second opinion: it is recomputed from the keys and chains and
must be equal, so our verifier and a stock client can never be made to trust different things.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from . import canonical, shape, x509
from .canonical import Json, b64decode, b64encode
from .certificate import is_uri
from .checkpoint import Witnesses
from .errors import Malformed
from .host import check_host
from .issuers import issuers
from .note import KeyType, VerifierKey
from .public_key import PublicKey, ed25519_spki
from .refusal import refused_as
from .timestamp import pinned_authority

VERSION = 1
MAX_BYTES = 256 * 1024
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """What one repository trusts. Chains are DER, issuer first and root last; `sct_key` is SubjectPublicKeyInfo.

    `issuer` is the OIDC issuer URL that stands in its certificates.
    """

    repository_id: str
    trust_domain: str
    issuer: str
    log: VerifierKey
    certificate_log: VerifierKey
    witnesses: Witnesses
    ca_chain: tuple[bytes, ...]
    sct_key: bytes
    tsa_chain: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse a root that contradicts itself, or in which one key plays two roles."""
        with refused_as(Malformed, "trust root"):
            self._check_names()
            self._check_chains()
            self._check_distinct()

    @property
    def digest(self) -> str:
        """Name the root: `sha256:` and the hex digest of the file's bytes."""
        return f"sha256:{hashlib.sha256(self.encode()).hexdigest()}"

    @property
    def issuer_spki(self) -> bytes:
        """The key that signs leaf certificates, as SubjectPublicKeyInfo."""
        return x509.parse(self.ca_chain[0]).body.spki

    def encode(self) -> bytes:
        """Spell the file: canonical JSON and one newline."""
        keys: list[Json] = [key.vkey() for key in self.witnesses.keys]
        return (
            canonical.dumps(
                {
                    "version": VERSION,
                    "repositoryId": self.repository_id,
                    "trustDomain": self.trust_domain,
                    "issuer": self.issuer,
                    "certificateLog": self.certificate_log.vkey(),
                    "log": self.log.vkey(),
                    "witnesses": {"quorum": self.witnesses.quorum, "keys": keys},
                    "trustedRoot": self.stock(),
                }
            )
            + b"\n"
        )

    @classmethod
    def parse(cls, raw: bytes) -> TrustRoot:
        """Accept exactly what `encode` emits. Raises `Malformed`."""
        with refused_as(Malformed, "trust root"):
            root = _read(canonical.loads(raw, max_bytes=MAX_BYTES))
            if root.encode() != raw:
                raise Malformed("trust root: expected the one spelling, with a stock root of the same keys")
            return root

    def stock(self) -> Json:
        """Return the Sigstore TrustedRoot (v0.1) of the same keys and chains."""
        ct_key = PublicKey.parse(self.sct_key)
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._stock_log(self.log.name, ed25519_spki(self.log.raw), "PKIX_ED25519", self.log.key_hash)],
            "certificateAuthorities": [
                {**self._stock_chain(self.ca_chain, "CA"), "uri": f"https://authority.{self.trust_domain}"}
            ],
            "ctlogs": [
                self._stock_log(self.certificate_log.name, ct_key.spki, "PKIX_ECDSA_P256_SHA_256", ct_key.sha256)
            ],
            "timestampAuthorities": [self._stock_chain(self.tsa_chain, "TSA")],
        }

    def client_trust_config(self) -> Json:
        """Return what `sigstore --trust-config` takes: the stock root, and where its services would be."""
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.stock(),
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [self._service(f"https://authority.{self.trust_domain}", 1)],
                "oidcUrls": [self._service(self.issuer, 1)],
                "rekorTlogUrls": [self._service(f"https://{self.log.name}", 2)],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaUrls": [self._service(f"https://authority.{self.trust_domain}/api/v1/timestamp", 1)],
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def _check_names(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository_id):
            raise Malformed(f"trust root: {self.repository_id!r:.80} is no repository id")
        if not is_uri(self.issuer):
            raise Malformed(f"trust root: expected the issuer to be a URL, found {self.issuer!r:.80}")
        for host in (self.trust_domain, self.log.name, self.certificate_log.name):
            check_host(host)
        origins = [self.log, self.certificate_log]
        if any(key.key_type is not KeyType.ED25519 for key in origins):
            raise Malformed("trust root: expected both logs to sign with type 01")
        names = [key.name for key in (*origins, *self.witnesses.keys)]
        if len(set(names)) != len(names):
            raise Malformed("trust root: expected different names for the logs and every witness")

    def _check_chains(self) -> None:
        issuers(self.ca_chain, x509.CODE_SIGNING)
        pinned_authority(self.tsa_chain)
        PublicKey.parse(self.sct_key).p256()
        if min(len(self.ca_chain), len(self.tsa_chain)) < 2:  # noqa: PLR2004 - a certificate and its root
            raise Malformed("trust root: expected chains of at least two certificates")

    def _check_distinct(self) -> None:
        """One key, one role: a signature made for one purpose must never count for another."""
        notes = [self.log, self.certificate_log, *self.witnesses.keys]
        keys = [x509.parse(raw).body.spki for raw in (*self.ca_chain, *self.tsa_chain)]
        keys += [self.sct_key, *(ed25519_spki(key.raw) for key in notes)]
        if len(set(keys)) != len(keys):
            raise Malformed("trust root: expected a key of its own for every role, found one twice")

    def _since(self) -> Json:
        return {"start": shape.spell_time(x509.parse(self.ca_chain[-1]).body.not_before)}

    def _stock_log(self, origin: str, spki: bytes, details: str, key_id: bytes) -> Json:
        key: Json = {"rawBytes": b64encode(spki), "keyDetails": details, "validFor": self._since()}
        return {
            "baseUrl": f"https://{origin}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": key,
            "logId": {"keyId": b64encode(key_id)},
        }

    def _stock_chain(self, chain: tuple[bytes, ...], role: str) -> dict[str, Json]:
        certificates: list[Json] = [{"rawBytes": b64encode(raw)} for raw in chain]
        return {
            "subject": {"organization": self.trust_domain, "commonName": f"Countermark {role} root"},
            "certChain": {"certificates": certificates},
            "validFor": self._since(),
        }

    def _service(self, url: str, version: int) -> Json:
        return {
            "url": url,
            "majorApiVersion": version,
            "validFor": self._since(),
            "operator": self.trust_domain,
        }


def _read(document: Json) -> TrustRoot:
    """Read the fields; what was skipped over, `parse` finds by spelling the root again."""
    stock, witnesses = shape.member(document, "trustedRoot"), shape.member(document, "witnesses")
    return TrustRoot(
        repository_id=_text(document, "repositoryId"),
        trust_domain=_text(document, "trustDomain"),
        issuer=_text(document, "issuer"),
        log=VerifierKey.parse(_text(document, "log")),
        certificate_log=VerifierKey.parse(_text(document, "certificateLog")),
        witnesses=Witnesses(
            shape.integer(shape.member(witnesses, "quorum"), "quorum"),
            tuple(VerifierKey.parse(key) for key in shape.texts(shape.member(witnesses, "keys"), "witness keys")),
        ),
        ca_chain=_chain(_only(stock, "certificateAuthorities")),
        sct_key=b64decode(shape.member(shape.member(_only(stock, "ctlogs"), "publicKey"), "rawBytes")),
        tsa_chain=_chain(_only(stock, "timestampAuthorities")),
    )


def _text(document: Json, key: str) -> str:
    return shape.text(shape.member(document, key), key)


def _only(stock: Json, key: str) -> Json:
    found = shape.items(shape.member(stock, key), key, lambda item: item)
    if len(found) != 1:
        raise Malformed(f"trust root: expected one of {key}, found {len(found)}")
    return found[0]


def _chain(authority: Json) -> tuple[bytes, ...]:
    certificates = shape.member(shape.member(authority, "certChain"), "certificates")
    return shape.items(certificates, "certificates", lambda item: b64decode(shape.member(item, "rawBytes")))
