"""One whole authority: every key and certificate of one trust domain, founded and loaded in one directory.

Layer: ledger, authority side, above `ca`, `tsa`, `keys` and `trust`. Its I/O is that of `keys`; reads no clock.
Trust: as `keys`. What is loaded must fit together: each key with its certificate, each chain with its root.

Files: `authority.json` says for which trust domain; `<role>.key` is PKCS #8 in PEM; `<role>.crt` is a
certificate in PEM. The two roots sign once; their keys stay so that what they signed can be renewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .. import canonical, der, pem, shape, x509
from ..checkpoint import Witnesses
from ..errors import Malformed
from ..host import check_host
from ..issuers import authority_key_identifier, basic_constraints
from ..note import NoteSigner, VerifierKey
from ..public_key import ECDSA_SHA256, PublicKey
from ..trust import TrustRoot
from ..x509 import Body, Extension
from .ca import CertificateAuthority, serial, signed
from .keys import EcdsaSigner, KeyDirectory, PrivateKey
from .tsa import TimestampAuthority

VERSION = 1
LIFE = timedelta(days=3652)
_DESCRIPTION = "authority.json"
_ECDSA_ROLES = ("root", "intermediate", "sct", "tsa-root", "tsa")
_ED25519_ROLES = ("log", "certificate-log")
_CERTIFIED = ("root", "intermediate", "tsa-root", "tsa")


@dataclass(frozen=True, slots=True)
class Authority:
    """Everything that issues for one trust domain. The two logs sign; each has its own name and key."""

    trust_domain: str
    ca: CertificateAuthority
    tsa: TimestampAuthority
    log: NoteSigner
    certificate_log: NoteSigner

    @property
    def issuer(self) -> str:
        """The OIDC issuer URL that stands in its certificates: this authority vouches itself."""
        return f"https://authority.{self.trust_domain}"

    def trust_root(self, repository_id: str, *, quorum: int = 0, witnesses: Sequence[VerifierKey] = ()) -> TrustRoot:
        """Return what a reader of this repository pins. Raises `Malformed` when it would contradict itself."""
        return TrustRoot(
            repository_id=repository_id,
            trust_domain=self.trust_domain,
            issuer=self.issuer,
            log=self.log.verifier,
            certificate_log=self.certificate_log.verifier,
            witnesses=Witnesses(quorum, tuple(witnesses)),
            ca_chain=self.ca.chain,
            sct_key=self.ca.sct_key,
            tsa_chain=self.tsa.chain,
        )


def create_authority(path: Path, trust_domain: str, now: datetime) -> Authority:
    """Make every key and certificate, valid for ten years from `now`, in a directory that must not exist yet.

    Raises `UnsafeKey` for a place that is not safe and `Malformed` for a trust domain that is no host name.
    """
    for host in _origins(trust_domain):
        check_host(host)
    ecdsa = {role: ec.generate_private_key(ec.SECP256R1()) for role in _ECDSA_ROLES}
    keys: dict[str, PrivateKey] = {**ecdsa, **{role: Ed25519PrivateKey.generate() for role in _ED25519_ROLES}}
    signers = {role: EcdsaSigner(key) for role, key in ecdsa.items()}
    files = {f"{role}.crt": pem.of_certificate(raw) for role, raw in _certify(signers, trust_domain, now).items()}
    files[_DESCRIPTION] = canonical.dumps({"version": VERSION, "trustDomain": trust_domain}) + b"\n"
    KeyDirectory.create(path, keys, files)
    return load_authority(path)


def load_authority(path: Path) -> Authority:
    """Load what `create_authority` made. Raises `UnsafeKey`, `Malformed`, or `Forged` for parts that do not fit."""
    keys = KeyDirectory(path)
    trust_domain = _trust_domain(keys.read(_DESCRIPTION))
    certificate = {role: pem.certificate_from(keys.read(f"{role}.crt")) for role in _CERTIFIED}
    log, certificate_log = _origins(trust_domain)
    return Authority(
        trust_domain=trust_domain,
        ca=CertificateAuthority(
            intermediate=keys.signer("intermediate"),
            sct_signer=keys.signer("sct"),
            chain=(certificate["intermediate"], certificate["root"]),
        ),
        tsa=TimestampAuthority(signer=keys.signer("tsa"), chain=(certificate["tsa"], certificate["tsa-root"])),
        log=NoteSigner(log, keys.ed25519("log")),
        certificate_log=NoteSigner(certificate_log, keys.ed25519("certificate-log")),
    )


def _origins(trust_domain: str) -> tuple[str, str]:
    return f"log.{trust_domain}", f"certificates.{trust_domain}"


def _trust_domain(raw: bytes) -> str:
    document = canonical.loads(raw)
    trust_domain = shape.text(shape.member(document, "trustDomain"), "trustDomain")
    if document != {"version": VERSION, "trustDomain": trust_domain}:
        raise Malformed(f"{_DESCRIPTION}: expected version {VERSION} and a trust domain, found something else")
    return trust_domain


def _certify(signers: dict[str, EcdsaSigner], trust_domain: str, now: datetime) -> dict[str, bytes]:
    begin = now.astimezone(UTC).replace(microsecond=0)

    def certify(role: str, parent: str, profile: tuple[Extension, ...]) -> bytes:
        above = PublicKey.parse(signers[parent].spki).key_identifier
        own = PublicKey.parse(signers[role].spki).key_identifier
        body = Body(
            serial=serial(),
            algorithm=ECDSA_SHA256,
            issuer=_name(trust_domain, parent),
            not_before=begin,
            not_after=begin + LIFE,
            subject=_name(trust_domain, role),
            spki=signers[role].spki,
            extensions=(*profile, *_links(own, above)),
        )
        return signed(body, signers[parent]).der

    code_signing = Extension(x509.EXTENDED_KEY_USAGE, critical=False, value=x509.extended_key_usage(x509.CODE_SIGNING))
    return {
        "root": certify("root", "root", _issuing(path_length=1)),
        "intermediate": certify("intermediate", "root", (*_issuing(path_length=0), code_signing)),
        "tsa-root": certify("tsa-root", "tsa-root", _issuing(path_length=0)),
        "tsa": certify("tsa", "tsa-root", _timestamping()),
    }


def _issuing(*, path_length: int) -> tuple[Extension, ...]:
    usage = x509.key_usage_value(x509.KEY_CERT_SIGN | x509.CRL_SIGN)
    return (
        Extension(x509.BASIC_CONSTRAINTS, critical=True, value=basic_constraints(path_length)),
        Extension(x509.KEY_USAGE, critical=True, value=usage),
    )


def _timestamping() -> tuple[Extension, ...]:
    purpose = x509.extended_key_usage(x509.TIME_STAMPING)
    return (
        Extension(x509.KEY_USAGE, critical=True, value=x509.key_usage_value(x509.DIGITAL_SIGNATURE)),
        Extension(x509.EXTENDED_KEY_USAGE, critical=True, value=purpose),
    )


def _links(own: bytes, above: bytes) -> tuple[Extension, ...]:
    link = authority_key_identifier(above)
    return (
        Extension(x509.SUBJECT_KEY_IDENTIFIER, critical=False, value=der.octet_string(own)),
        Extension(x509.AUTHORITY_KEY_IDENTIFIER, critical=False, value=link),
    )


def _name(trust_domain: str, role: str) -> bytes:
    return x509.name(trust_domain, f"Countermark {role}")
