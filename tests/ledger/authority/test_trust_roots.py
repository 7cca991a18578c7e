"""The trust root: one spelling, one key a role, and a stock root inside that cannot disagree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import canonical, x509
from countermark_ledger.authority import create_authority
from countermark_ledger.canonical import b64encode
from countermark_ledger.checkpoint import Witnesses
from countermark_ledger.errors import Malformed
from countermark_ledger.note import KeyType, VerifierKey
from countermark_ledger.trust import TrustRoot


def key(name: str, kind: KeyType) -> VerifierKey:
    return VerifierKey(name, kind, Ed25519PrivateKey.generate().public_key().public_bytes_raw())


WITNESSES = (key("w1.example", KeyType.COSIGNATURE_V1), key("w2.example", KeyType.COSIGNATURE_V1))


@pytest.fixture(scope="module")
def root(bench: Any) -> TrustRoot:
    found: TrustRoot = bench.authority.trust_root("repository-1", quorum=1, witnesses=WITNESSES)
    return found


@pytest.fixture(scope="module")
def raw(root: TrustRoot) -> bytes:
    return root.encode()


def test_a_trust_root_reads_back_as_itself(root: TrustRoot, raw: bytes) -> None:
    assert TrustRoot.parse(raw) == root
    assert root.digest == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert raw.endswith(b"}\n")


def test_a_trust_root_names_the_key_that_issues(bench: Any, root: TrustRoot) -> None:
    assert root.issuer_spki == bench.key("intermediate").spki
    assert root.sct_key == bench.key("sct").spki
    assert root.issuer == bench.authority.issuer


@given(st.data())
def test_no_altered_byte_of_a_trust_root_is_accepted_as_the_same(raw: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw) - 1))
    altered = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]
    try:
        assert TrustRoot.parse(altered).encode() == altered
    except Malformed:
        return


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw[:-1], id="no-newline"),
        pytest.param(lambda raw: raw + b"\n", id="two-newlines"),
        pytest.param(lambda raw: b" " + raw, id="leading-space"),
        pytest.param(lambda raw: raw.replace(b'"version":1', b'"version":2'), id="version-2"),
        pytest.param(lambda raw: raw.replace(b'"version":1', b'"version":1,"x":1'), id="another-field"),
        pytest.param(lambda raw: b"{}\n", id="no-fields"),
        pytest.param(lambda raw: b"[]\n", id="no-object"),
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw.replace(b'"quorum":1', b'"quorum":3'), id="quorum-out-of-reach"),
        pytest.param(lambda raw: raw.replace(b'"quorum":1', b'"quorum":true'), id="quorum-true"),
        pytest.param(lambda raw: raw.replace(b'"quorum":1', b'"quorum":-1'), id="quorum-negative"),
    ],
)
def test_a_second_spelling_of_a_trust_root_is_refused(raw: bytes, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        TrustRoot.parse(change(raw))


def test_a_huge_trust_root_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="at most"):
        TrustRoot.parse(b" " * (256 * 1024 + 1))


def stock_of(raw: bytes) -> tuple[Any, Any]:
    document: Any = canonical.loads(raw)
    return document, document["trustedRoot"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda stock: stock["tlogs"][0]["publicKey"].update(rawBytes=b64encode(bytes(44))), id="log-key"),
        pytest.param(lambda stock: stock["tlogs"][0]["logId"].update(keyId=b64encode(bytes(32))), id="log-id"),
        pytest.param(lambda stock: stock["tlogs"][0].update(baseUrl="https://another.example"), id="log-url"),
        pytest.param(lambda stock: stock["tlogs"].append(stock["tlogs"][0]), id="two-logs"),
        pytest.param(lambda stock: stock["ctlogs"][0]["logId"].update(keyId=b64encode(bytes(32))), id="ct-log-id"),
        pytest.param(lambda stock: stock["ctlogs"].append(stock["ctlogs"][0]), id="two-ct-logs"),
        pytest.param(lambda stock: stock["ctlogs"].clear(), id="no-ct-log"),
        pytest.param(lambda stock: stock["certificateAuthorities"].clear(), id="no-authority"),
        pytest.param(lambda stock: stock.update(mediaType="x"), id="media-type"),
        pytest.param(lambda stock: stock["timestampAuthorities"][0].pop("subject"), id="no-subject"),
        pytest.param(
            lambda stock: stock["certificateAuthorities"][0]["validFor"].update(end="2027-01-01T00:00:00Z"), id="an-end"
        ),
    ],
)
def test_a_stock_root_that_disagrees_is_refused(raw: bytes, change: Callable[[Any], object]) -> None:
    document, stock = stock_of(raw)
    change(stock)
    altered = canonical.dumps(document) + b"\n"
    with pytest.raises(Malformed):
        TrustRoot.parse(altered)


def test_a_log_key_that_the_stock_root_does_not_have_is_refused(raw: bytes) -> None:
    document, _ = stock_of(raw)
    document["log"] = key("log.forge.example", KeyType.ED25519).vkey()
    with pytest.raises(Malformed, match="a stock root of the same keys"):
        TrustRoot.parse(canonical.dumps(document) + b"\n")


def test_a_certificate_log_that_the_stock_root_does_not_name_is_refused(raw: bytes) -> None:
    document, _ = stock_of(raw)
    document["certificateLog"] = key("another.forge.example", KeyType.ED25519).vkey()
    with pytest.raises(Malformed, match="a stock root of the same keys"):
        TrustRoot.parse(canonical.dumps(document) + b"\n")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"repository_id": ""}, id="repository-empty"),
        pytest.param({"repository_id": "../../etc"}, id="repository-is-a-path"),
        pytest.param({"repository_id": "a" * 129}, id="repository-too-long"),
        pytest.param({"trust_domain": "Forge.example"}, id="domain-in-capitals"),
        pytest.param({"trust_domain": "forge.example/x"}, id="domain-with-a-path"),
        pytest.param({"issuer": "somebody"}, id="issuer-no-url"),
        pytest.param({"sct_key": b"garbage"}, id="sct-key-garbage"),
        pytest.param({"ca_chain": ()}, id="no-ca-chain"),
        pytest.param({"tsa_chain": ()}, id="no-tsa-chain"),
        pytest.param({"log": key("log.example", KeyType.COSIGNATURE_V1)}, id="log-key-of-a-witness"),
        pytest.param({"certificate_log": key("c.example", KeyType.COSIGNATURE_V1)}, id="ct-key-of-a-witness"),
        pytest.param({"log": key("log.example/path", KeyType.ED25519)}, id="log-with-a-path"),
        pytest.param({"log": key("log.example:8080", KeyType.ED25519)}, id="log-with-a-port"),
        pytest.param({"log": key("127.0.0.1", KeyType.ED25519)}, id="log-by-address"),
        pytest.param({"log": key("Log.example", KeyType.ED25519)}, id="log-in-capitals"),
        pytest.param({"log": key("a" * 64 + ".example", KeyType.ED25519)}, id="log-with-a-long-label"),
        pytest.param({"log": key(".".join(["a" * 60] * 5), KeyType.ED25519)}, id="log-with-a-long-name"),
        pytest.param({"log": key("w1.example", KeyType.ED25519)}, id="log-named-like-a-witness"),
        pytest.param({"log": key("certificates.forge.example", KeyType.ED25519)}, id="two-logs-of-one-name"),
    ],
)
def test_a_trust_root_that_makes_no_sense_is_refused(root: TrustRoot, change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(root, **change)


def test_a_key_in_two_roles_is_refused(bench: Any, root: TrustRoot) -> None:
    log, certificate_log = root.log, root.certificate_log
    as_witness = VerifierKey("w3.example", KeyType.COSIGNATURE_V1, log.raw)
    changes: list[dict[str, Any]] = [
        {"certificate_log": VerifierKey(certificate_log.name, KeyType.ED25519, log.raw)},
        {"witnesses": Witnesses(0, (as_witness,))},
        {"sct_key": root.issuer_spki},
        {"sct_key": bench.key("tsa").spki},
        {"sct_key": bench.key("root").spki},
    ]
    for change in changes:
        with pytest.raises(Malformed, match="a key of its own"):
            replace(root, **change)


def test_a_chain_of_one_certificate_is_refused(bench: Any, root: TrustRoot) -> None:
    alone = bench.altered("root", "root", lambda body: body.without(x509.EXTENDED_KEY_USAGE))
    with pytest.raises(Malformed, match="at least two"):
        replace(root, ca_chain=(alone,))


def test_another_authority_of_the_same_domain_is_another_root(tmp_path: Path, bench: Any, root: TrustRoot) -> None:
    begin = x509.parse(root.ca_chain[0]).body.not_before + timedelta(days=1)
    other = create_authority(tmp_path / "keys", "forge.example", begin).trust_root("repository-1")
    assert other.digest != root.digest
    with pytest.raises(Malformed):
        replace(root, ca_chain=(root.ca_chain[0], other.ca_chain[1]))


def test_the_client_trust_config_holds_the_stock_root(root: TrustRoot) -> None:
    config: Any = root.client_trust_config()
    assert config["trustedRoot"] == root.stock()
    assert config["signingConfig"]["rekorTlogUrls"][0]["url"] == "https://log.forge.example"
