"""The chain above a leaf: an authority that outgrew its limits is refused even where it is pinned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from countermark_ledger import der, x509
from countermark_ledger.certificate import verify_leaf
from countermark_ledger.errors import BadCertificate
from countermark_ledger.issuers import basic_constraints, issuers
from countermark_ledger.x509 import Body, Extension

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Change = Callable[[Any, Body], Body]


def extended(oid: str, value: bytes, *, critical: bool) -> Change:
    return lambda bench, body: bench.with_extension(body, Extension(oid, critical, value))


def without(oid: str) -> Change:
    return lambda _, body: body.without(oid)


def same(_: Any, body: Body) -> Body:
    return body


CONSTRAINTS, USAGE, PURPOSE = x509.BASIC_CONSTRAINTS, x509.KEY_USAGE, x509.EXTENDED_KEY_USAGE

MISTAKES = [
    pytest.param(without(CONSTRAINTS), id="no-basic-constraints"),
    pytest.param(extended(CONSTRAINTS, basic_constraints(1), critical=False), id="constraints-not-critical"),
    pytest.param(extended(CONSTRAINTS, der.sequence(), critical=True), id="no-authority"),
    pytest.param(extended(CONSTRAINTS, basic_constraints(-1), critical=True), id="negative-path-length"),
    pytest.param(
        extended(CONSTRAINTS, der.sequence(der.TRUE, der.integer(1), der.NULL), critical=True), id="more-constraints"
    ),
    pytest.param(without(USAGE), id="no-key-usage"),
    pytest.param(extended(USAGE, x509.key_usage_value(0x04), critical=False), id="usage-not-critical"),
    pytest.param(extended(USAGE, x509.key_usage_value(0x82), critical=True), id="may-not-sign-certificates"),
    pytest.param(extended(PURPOSE, x509.extended_key_usage(x509.TIME_STAMPING), critical=False), id="another-purpose"),
    pytest.param(extended("2.5.29.30", der.sequence(), critical=True), id="name-constraints"),
]


@pytest.mark.parametrize("change", MISTAKES)
def test_an_intermediate_outside_its_limits_is_refused(bench: Any, change: Change) -> None:
    intermediate = bench.altered("intermediate", "root", lambda body: change(bench, body))
    with pytest.raises(BadCertificate):
        verify_leaf(bench.leaf, chain=(intermediate, bench.certificate("root")), at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        *MISTAKES,
        pytest.param(extended(CONSTRAINTS, basic_constraints(0), critical=True), id="path-too-long"),
        pytest.param(without(x509.SUBJECT_KEY_IDENTIFIER), id="no-key-identifier"),
        pytest.param(
            extended(x509.SUBJECT_KEY_IDENTIFIER, der.octet_string(b"x"), critical=False), id="other-identifier"
        ),
    ],
)
def test_a_root_outside_its_limits_is_refused(bench: Any, change: Change) -> None:
    root = bench.altered("root", "root", lambda body: change(bench, body))
    with pytest.raises(BadCertificate):
        verify_leaf(bench.leaf, chain=(bench.certificate("intermediate"), root), at=NOW)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(same, id="as-it-was"),
        pytest.param(extended(CONSTRAINTS, basic_constraints(None), critical=True), id="any-path-length"),
        pytest.param(without(x509.AUTHORITY_KEY_IDENTIFIER), id="a-root-that-names-no-issuer-key"),
        pytest.param(
            extended(PURPOSE, x509.extended_key_usage(x509.CODE_SIGNING), critical=True), id="a-root-with-the-purpose"
        ),
    ],
)
def test_a_root_within_its_limits_is_accepted(bench: Any, change: Change) -> None:
    root = bench.altered("root", "root", lambda body: change(bench, body))
    verify_leaf(bench.leaf, chain=(bench.certificate("intermediate"), root), at=NOW)


def test_a_root_that_did_not_sign_itself_is_refused(bench: Any) -> None:
    root = bench.altered("root", "intermediate", lambda body: body)
    with pytest.raises(BadCertificate, match="does not verify"):
        verify_leaf(bench.leaf, chain=(bench.certificate("intermediate"), root), at=NOW)


def test_an_intermediate_that_the_root_did_not_sign_is_refused(bench: Any) -> None:
    intermediate = bench.altered("intermediate", "intermediate", lambda body: body)
    with pytest.raises(BadCertificate, match="does not verify"):
        verify_leaf(bench.leaf, chain=(intermediate, bench.certificate("root")), at=NOW)


@pytest.mark.parametrize("role", ["intermediate", "root"])
def test_an_authority_that_is_not_valid_yet_or_any_more_is_refused(bench: Any, role: str) -> None:
    late = bench.altered(role, "root", lambda body: body._replace(not_before=NOW + timedelta(seconds=1)))
    early = bench.altered(role, "root", lambda body: body._replace(not_after=NOW - timedelta(seconds=1)))
    for certificate in (late, early):
        chain = [certificate if one == role else bench.certificate(one) for one in ("intermediate", "root")]
        with pytest.raises(BadCertificate, match="valid from"):
            verify_leaf(bench.leaf, chain=chain, at=NOW)


def test_a_chain_has_at_least_one_authority_and_few(bench: Any) -> None:
    for chain in ((), (bench.certificate("root"),) * 5):
        with pytest.raises(BadCertificate, match="expected 1 to 4"):
            issuers(chain, x509.CODE_SIGNING)


def test_a_chain_in_the_wrong_order_is_refused(bench: Any) -> None:
    with pytest.raises(BadCertificate):
        issuers((bench.certificate("root"), bench.certificate("intermediate")), x509.CODE_SIGNING)


def test_a_chain_of_garbage_is_a_bad_certificate() -> None:
    with pytest.raises(BadCertificate, match="pinned chain"):
        issuers((b"garbage",), x509.CODE_SIGNING)
