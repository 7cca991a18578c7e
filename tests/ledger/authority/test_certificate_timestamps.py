"""Embedded certificate timestamps: exactly one promise, by the pinned key, over exactly this certificate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import der, sct, x509
from countermark_ledger.errors import BadCertificateTimestamp, Malformed
from countermark_ledger.sct import CertificateTimestamp
from countermark_ledger.x509 import Body, Extension

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MILLISECONDS = int(NOW.timestamp() * 1000)


def verify(bench: Any, leaf: bytes) -> bytes:
    return sct.verify(leaf, bench.trust.issuer_spki, bench.trust.sct_key)


def promised(leaf: bytes) -> CertificateTimestamp:
    extension = x509.parse(leaf).body.extension(x509.EMBEDDED_TIMESTAMPS)
    assert extension is not None
    return CertificateTimestamp.parse(extension.value)


def embedded(bench: Any, value: bytes, *, critical: bool = False) -> bytes:
    extension = Extension(x509.EMBEDDED_TIMESTAMPS, critical, value)
    return bench.altered_leaf(lambda body: bench.with_extension(body, extension))


def test_the_promise_signs_the_entry_that_goes_into_the_certificate_log(bench: Any) -> None:
    assert verify(bench, bench.leaf) == bench.entry
    assert sct.entry_of(bench.leaf, bench.trust.issuer_spki) == bench.entry
    assert promised(bench.leaf).milliseconds == MILLISECONDS


def test_a_promise_keeps_its_milliseconds(bench: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    moment = NOW + timedelta(milliseconds=7)
    issued = bench.authority.ca.issue(key, "a://b", "https://i.example", moment)
    assert promised(issued.certificate_der).milliseconds == MILLISECONDS + 7
    assert verify(bench, issued.certificate_der) == issued.certificate_log_entry
    assert x509.parse(issued.certificate_der).body.not_before == NOW


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**47), st.binary(max_size=72))
def test_a_promise_reads_back_as_itself(log_id: bytes, milliseconds: int, signature: bytes) -> None:
    promise = CertificateTimestamp(log_id, milliseconds, signature)
    assert CertificateTimestamp.parse(promise.encode()) == promise


@given(st.binary(max_size=200))
def test_random_bytes_are_a_promise_only_in_its_one_spelling(content: bytes) -> None:
    value = der.octet_string(content)
    with pytest.raises(Malformed):
        CertificateTimestamp.parse(value)


def spelled(promise: bytes, count: int = 1) -> bytes:
    items = (len(promise).to_bytes(2, "big") + promise) * count
    return der.octet_string(len(items).to_bytes(2, "big") + items)


def inner(bench: Any) -> bytes:
    return promised(bench.leaf).encode()[2 + 4 :]


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda promise: spelled(promise, 2), id="two-promises"),
        pytest.param(lambda promise: spelled(promise, 0), id="no-promise"),
        pytest.param(lambda promise: spelled(promise + b"\x00"), id="junk-after-the-promise"),
        pytest.param(lambda promise: spelled(promise) + b"\x00", id="junk-after-the-list"),
        pytest.param(lambda promise: spelled(b"\x01" + promise[1:]), id="version-2"),
        pytest.param(lambda promise: spelled(promise[:41] + b"\x00\x01x" + promise[43:]), id="with-extensions"),
        pytest.param(lambda promise: spelled(promise[:43] + b"\x05" + promise[44:]), id="another-hash"),
        pytest.param(lambda promise: spelled(promise[:44] + b"\x01" + promise[45:]), id="another-signature"),
        pytest.param(lambda promise: spelled(promise[:20]), id="cut"),
        pytest.param(lambda promise: spelled(bytes(32) + promise[33:]), id="another-log"),
        pytest.param(lambda promise: spelled(promise[:33] + b"\xff" + promise[34:]), id="the-year-500-million"),
        pytest.param(lambda promise: spelled(promise[:-1] + bytes([promise[-1] ^ 1])), id="another-signer"),
    ],
)
def test_a_broken_promise_is_refused(bench: Any, forge: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadCertificateTimestamp):
        verify(bench, embedded(bench, forge(inner(bench))))


def test_a_certificate_without_a_promise_is_refused(bench: Any) -> None:
    bare = bench.altered_leaf(lambda body: body.without(x509.EMBEDDED_TIMESTAMPS))
    for leaf in (bare, embedded(bench, promised(bench.leaf).encode(), critical=True)):
        with pytest.raises(BadCertificateTimestamp, match="expected one"):
            verify(bench, leaf)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: body._replace(serial=body.serial + 1), id="another-serial"),
        pytest.param(lambda body: body._replace(not_after=body.not_after + timedelta(minutes=1)), id="longer-life"),
        pytest.param(lambda body: body._replace(extensions=body.extensions[1:]), id="fewer-extensions"),
    ],
)
def test_a_promise_about_another_certificate_is_refused(bench: Any, change: Callable[[Body], Body]) -> None:
    with pytest.raises(BadCertificateTimestamp, match="does not verify"):
        verify(bench, bench.altered_leaf(change))


@pytest.mark.parametrize("offset", [-1, 600_001])
def test_a_promise_made_outside_the_certificates_life_is_refused(bench: Any, offset: int) -> None:
    body = x509.parse(bench.leaf).body.without(x509.EMBEDDED_TIMESTAMPS)
    milliseconds = MILLISECONDS + offset
    entry = sct.entry(body.encode(), issuer_spki=bench.trust.issuer_spki, milliseconds=milliseconds)
    promise = CertificateTimestamp(promised(bench.leaf).log_id, milliseconds, bench.key("sct").sign(entry))
    with pytest.raises(BadCertificateTimestamp, match="outside"):
        verify(bench, embedded(bench, promise.encode()))


def test_a_promise_for_another_issuer_is_refused(bench: Any) -> None:
    other = x509.parse(bench.certificate("root")).body.spki
    with pytest.raises(BadCertificateTimestamp, match="does not verify"):
        sct.verify(bench.leaf, other, bench.trust.sct_key)


def test_a_promise_by_another_key_is_refused(bench: Any) -> None:
    with pytest.raises(BadCertificateTimestamp, match="another key"):
        sct.verify(bench.leaf, bench.trust.issuer_spki, bench.key("tsa").spki)


def test_garbage_is_a_bad_certificate_timestamp(bench: Any) -> None:
    with pytest.raises(BadCertificateTimestamp):
        sct.entry_of(b"garbage", bench.trust.issuer_spki)
    with pytest.raises(BadCertificateTimestamp):
        sct.verify(bench.leaf, bench.trust.issuer_spki, b"garbage")
