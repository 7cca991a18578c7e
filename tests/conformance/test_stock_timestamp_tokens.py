"""Tokens of timestamp authorities we did not write, and our tokens and certificates under libraries we did not write.

vectors/timestamps.json holds OpenSSL 3.0 replies (`openssl ts -reply`, keys thrown away) and one token of
Sigstore's public staging authority, each with the bytes it is about, its chain and its time.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from rfc3161_client import VerifierBuilder, decode_timestamp_response

from countermark_ledger.authority import Authority
from countermark_ledger.canonical import b64decode
from countermark_ledger.errors import BadTimestamp
from countermark_ledger.timestamp import verify_timestamp

VECTORS = json.loads((Path(__file__).parent / "vectors" / "timestamps.json").read_bytes())


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_a_stock_token_is_accepted_for_exactly_its_time(name: str) -> None:
    vector = VECTORS[name]
    chain = [b64decode(raw) for raw in vector["chain"]]
    found = verify_timestamp(b64decode(vector["token"]), data=b64decode(vector["data"]), chain=chain)
    assert found == datetime.fromisoformat(vector["time"])


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_a_stock_token_is_refused_for_other_data_and_under_another_chain(name: str) -> None:
    vector = VECTORS[name]
    token, chain = b64decode(vector["token"]), [b64decode(raw) for raw in vector["chain"]]
    other = next(v for v in VECTORS.values() if v["chain"] != vector["chain"])
    with pytest.raises(BadTimestamp, match="other data"):
        verify_timestamp(token, data=b"another signature", chain=chain)
    with pytest.raises(BadTimestamp):
        verify_timestamp(token, data=b64decode(vector["data"]), chain=[b64decode(raw) for raw in other["chain"]])


def test_our_token_is_accepted_by_the_stock_library(stock_authority: Authority, founded: datetime) -> None:
    at = founded + timedelta(minutes=1)
    token = decode_timestamp_response(stock_authority.tsa.timestamp(b"signature", at=at, nonce=7))
    leaf, root = (x509.load_der_x509_certificate(raw) for raw in stock_authority.tsa.chain)
    verifier = VerifierBuilder().tsa_certificate(leaf).add_root_certificate(root).nonce(7).build()
    assert verifier.verify_message(token, b"signature")
    assert token.tst_info.gen_time == at


def test_our_certificates_are_read_by_the_stock_library(stock_authority: Authority, founded: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    uri = "spiffe://countermark.example/agent/builder"
    issued = stock_authority.ca.issue(key, uri, stock_authority.issuer, founded)
    chain = [x509.load_der_x509_certificate(raw) for raw in (issued.certificate_der, *stock_authority.ca.chain)]
    for certificate, above in zip(chain, [*chain[1:], chain[-1]], strict=True):
        certificate.verify_directly_issued_by(above)
        assert len(certificate.extensions) >= 4
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [uri]
    own = chain[0].extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert own.value == x509.SubjectKeyIdentifier.from_public_key(key)


def test_our_log_entry_is_what_the_stock_library_finds_promised(stock_authority: Authority, founded: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    issued = stock_authority.ca.issue(key, "spiffe://countermark.example/agent/a", "https://i.example", founded)
    certificate = x509.load_der_x509_certificate(issued.certificate_der)
    assert certificate.tbs_precertificate_bytes in issued.certificate_log_entry
    promises = certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
    assert [promise.timestamp for promise in promises.value] == [founded.replace(tzinfo=None)]
