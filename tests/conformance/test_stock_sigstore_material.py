"""What the authority makes is read by the stock Sigstore client, from files alone, with no help from us."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from countermark_ledger import canonical, checkpoint, dsse, leaf, merkle
from countermark_ledger.authority import Authority, EcdsaSigner
from countermark_ledger.canonical import Json, b64encode
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.trust import TrustRoot

AGENT = "spiffe://countermark.example/agent/builder"
PAYLOAD = canonical.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.py", "digest": {"sha256": hashlib.sha256(b"pass\n").hexdigest()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
)


@pytest.fixture(scope="module")
def trust(stock_authority: Authority) -> TrustRoot:
    return stock_authority.trust_root("repository-1")


@pytest.fixture(scope="module")
def signed(founded: datetime) -> datetime:
    return founded + timedelta(minutes=3)


@pytest.fixture(scope="module")
def stock_bundle(stock_authority: Authority, founded: datetime, signed: datetime) -> dict[str, Json]:
    """One statement, signed, timestamped and logged alone, spelled by hand."""
    signer = EcdsaSigner(ec.generate_private_key(ec.SECP256R1()))
    certificate = stock_authority.ca.issue(signer.public_key, AGENT, stock_authority.issuer, founded).certificate_der
    message = dsse.pae(dsse.PAYLOAD_TYPE, PAYLOAD)
    signature = signer.sign(message)
    body = leaf.entry(hashlib.sha256(message).digest(), signature, certificate)
    root = merkle.leaf_hash(body)
    log = stock_authority.log
    note = checkpoint.sign(TreeHead(log.verifier.name, 1, root), log)
    proof: dict[str, Json] = {
        "logIndex": "0",
        "rootHash": b64encode(root),
        "treeSize": "1",
        "hashes": [],
        "checkpoint": {"envelope": note.decode()},
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": {"rawBytes": b64encode(certificate)},
            "tlogEntries": [
                {
                    "logIndex": "0",
                    "logId": {"keyId": b64encode(log.verifier.key_hash)},
                    "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
                    "inclusionProof": proof,
                    "canonicalizedBody": b64encode(body),
                }
            ],
            "timestampVerificationData": {
                "rfc3161Timestamps": [
                    {"signedTimestamp": b64encode(stock_authority.tsa.timestamp(signature, at=signed))}
                ]
            },
        },
        "dsseEnvelope": dsse.Envelope(PAYLOAD, signature).json(),
    }


def verify(trust: TrustRoot, bundle: dict[str, Json], identity: Identity) -> bytes:
    config = ClientTrustConfig.from_json(json.dumps(trust.client_trust_config()))
    verifier = Verifier(trusted_root=config.trusted_root)
    return verifier.verify_dsse(Bundle.from_json(json.dumps(bundle)), identity)[1]


def test_the_stock_client_verifies_what_the_authority_made(trust: TrustRoot, stock_bundle: dict[str, Json]) -> None:
    assert verify(trust, stock_bundle, Identity(identity=AGENT, issuer=trust.issuer)) == PAYLOAD


@pytest.mark.parametrize(
    ("identity", "issuer"),
    [
        pytest.param(AGENT + "2", "https://authority.countermark.example", id="another-agent"),
        pytest.param(AGENT, "https://authority.countermark.example/", id="another-issuer"),
    ],
)
def test_the_stock_client_refuses_another_signer(
    trust: TrustRoot, stock_bundle: dict[str, Json], identity: str, issuer: str
) -> None:
    with pytest.raises(VerificationError):
        verify(trust, stock_bundle, Identity(identity=identity, issuer=issuer))


def test_the_stock_client_refuses_another_authority(
    tmp_path: Path, stock_bundle: dict[str, Json], founded: datetime
) -> None:
    from countermark_ledger.authority import create_authority

    other = create_authority(tmp_path / "keys", "countermark.example", founded).trust_root("repository-1")
    with pytest.raises(VerificationError):
        verify(other, stock_bundle, Identity(identity=AGENT, issuer=other.issuer))


def test_the_stock_root_is_read_as_a_file(trust: TrustRoot, tmp_path: Path) -> None:
    path = tmp_path / "trusted_root.json"
    path.write_bytes(canonical.dumps(trust.stock()))
    stock = TrustedRoot.from_file(str(path))
    assert len(stock.get_fulcio_certs()) == 2
    assert [len(tsa.certificates(allow_expired=False)) for tsa in stock.get_timestamp_authorities()] == [2]


def test_the_signing_configuration_names_a_service_of_every_kind(trust: TrustRoot) -> None:
    config = ClientTrustConfig.from_json(json.dumps(trust.client_trust_config())).signing_config
    assert config.get_fulcio().url == "https://authority.countermark.example"
    assert config.get_oidc_url() == trust.issuer
    assert len(config.get_tlogs()) == len(config.get_tsas()) == 1
