"""DER: one spelling out, no other in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import der
from countermark_ledger.der import MAX_DEPTH, Reader, Tag, only
from countermark_ledger.errors import Malformed, TooLarge

SECONDS = st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2049, 12, 31)).map(  # noqa: DTZ001 - below
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
OIDS = st.builds(
    lambda head, rest: ".".join(map(str, (*head, *rest))),
    st.one_of(st.tuples(st.integers(0, 1), st.integers(0, 39)), st.tuples(st.just(2), st.integers(0, 10**6))),
    st.lists(st.integers(0, 2**64), max_size=5),
)


@given(st.integers(-(2**300), 2**300))
def test_an_integer_reads_back_as_itself(value: int) -> None:
    assert Reader(der.integer(value)).integer() == value


@given(OIDS)
def test_an_object_identifier_reads_back_as_itself(dotted: str) -> None:
    assert Reader(der.oid(dotted)).oid() == dotted


@given(st.binary(max_size=70_000), st.sampled_from([Tag.OCTET_STRING, Tag.SEQUENCE, 0xA5]))
def test_content_of_any_size_reads_back_as_itself(content: bytes, tag: int) -> None:
    raw = der.tlv(tag, content)
    reader = Reader(raw)
    assert reader.raw(tag) == raw
    reader.finish()
    assert Reader(raw).read(tag) == content


@given(SECONDS)
def test_times_read_back_as_themselves(moment: datetime) -> None:
    assert Reader(der.generalized_time(moment)).generalized_time() == moment
    if moment.year >= 1950:
        assert Reader(der.utc_time(moment)).utc_time() == moment


@given(st.binary(max_size=12))
def test_whatever_an_integer_is_read_from_is_its_one_spelling(content: bytes) -> None:
    raw = der.tlv(Tag.INTEGER, content)
    try:
        value = Reader(raw).integer()
    except Malformed:
        return
    assert der.integer(value) == raw


@given(st.binary(max_size=12))
def test_whatever_an_object_identifier_is_read_from_is_its_one_spelling(content: bytes) -> None:
    raw = der.tlv(Tag.OID, content)
    try:
        dotted = Reader(raw).oid()
    except Malformed:
        return
    assert der.oid(dotted) == raw


@given(st.binary(max_size=300), st.sampled_from([Tag.SEQUENCE, Tag.OCTET_STRING]))
def test_random_bytes_are_read_only_in_their_one_spelling(raw: bytes, tag: int) -> None:
    raw = bytes([tag]) + raw
    reader = Reader(raw)
    try:
        content = reader.read(tag)
        reader.finish()
    except Malformed:
        return
    assert der.tlv(tag, content) == raw


def test_a_time_of_another_zone_is_spelled_in_utc() -> None:
    east = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert der.generalized_time(east)[2:] == b"20251231233000Z"
    assert der.utc_time(east)[2:] == b"251231233000Z"


def test_a_year_before_1000_keeps_four_digits() -> None:
    assert der.generalized_time(datetime(7, 1, 1, tzinfo=UTC))[2:] == b"00070101000000Z"


def test_a_utc_time_turns_the_century_at_50() -> None:
    assert Reader(b"\x17\x0d500101000000Z").utc_time().year == 1950
    assert Reader(b"\x17\x0d491231235959Z").utc_time().year == 2049


def test_a_fraction_of_a_second_counts_exactly() -> None:
    raw = der.tlv(Tag.GENERALIZED_TIME, b"20261122120000.000001Z")
    assert Reader(raw).generalized_time() == datetime(2026, 11, 22, 12, 0, 0, 1, tzinfo=UTC)
    raw = der.tlv(Tag.GENERALIZED_TIME, b"20261122120000.5Z")
    assert Reader(raw).generalized_time().microsecond == 500_000


def test_a_set_is_spelled_in_the_order_of_its_members() -> None:
    assert der.set_of(b"\x02\x01\x02", b"\x02\x01\x01") == b"\x31\x06\x02\x01\x01\x02\x01\x02"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30", id="no-length"),
        pytest.param(b"\x31\x00", id="another-tag"),
        pytest.param(b"\x30\x80\x00\x00", id="indefinite-length"),
        pytest.param(b"\x30\x81\x05hello", id="long-length-for-a-short-one"),
        pytest.param(b"\x30\x82\x00\x80" + bytes(128), id="length-with-a-leading-zero"),
        pytest.param(b"\x30\x82\x01", id="cut-length"),
        pytest.param(b"\x30\x85\x01\x00\x00\x00\x00", id="length-of-five-octets"),
        pytest.param(b"\x30\x03\x01", id="cut-content"),
        pytest.param(b"\x30\x00\x00", id="trailing-octet"),
    ],
)
def test_a_second_spelling_of_an_element_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        only(raw, Tag.SEQUENCE)


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        pytest.param(Reader.integer, b"\x02\x00", id="integer-of-no-octets"),
        pytest.param(Reader.integer, b"\x02\x02\x00\x7f", id="integer-with-a-needless-zero"),
        pytest.param(Reader.integer, b"\x02\x02\xff\x80", id="integer-with-a-needless-sign"),
        pytest.param(Reader.integer, der.tlv(2, b"\x01" * 1026), id="integer-past-the-cap"),
        pytest.param(Reader.boolean, b"\x01\x01\x01", id="boolean-of-one"),
        pytest.param(Reader.boolean, b"\x01\x02\xff\xff", id="boolean-of-two-octets"),
        pytest.param(Reader.bits, b"\x03\x00", id="bit-string-of-nothing"),
        pytest.param(Reader.bits, b"\x03\x02\x01\x02", id="bit-string-of-seven-bits"),
        pytest.param(Reader.oid, b"\x06\x00", id="oid-of-nothing"),
        pytest.param(Reader.oid, b"\x06\x02\x2a\x86", id="oid-cut"),
        pytest.param(Reader.oid, b"\x06\x03\x2a\x80\x01", id="oid-with-a-needless-octet"),
        pytest.param(Reader.oid, der.tlv(6, b"\x01" * 65), id="oid-past-the-cap"),
        pytest.param(Reader.utc_time, b"\x17\x0b2611221200Z", id="utc-time-without-seconds"),
        pytest.param(Reader.utc_time, b"\x17\x0d261322120000Z", id="utc-time-in-month-13"),
        pytest.param(Reader.utc_time, b"\x17\x11261122120000+0100", id="utc-time-of-a-zone"),
        pytest.param(Reader.generalized_time, der.tlv(24, b"20261122120000"), id="time-without-z"),
        pytest.param(Reader.generalized_time, der.tlv(24, b"20261122120000.Z"), id="time-with-a-bare-dot"),
        pytest.param(Reader.generalized_time, der.tlv(24, b"20261122120000.50Z"), id="fraction-with-a-zero"),
        pytest.param(Reader.generalized_time, der.tlv(24, b"20261122120000.0000001Z"), id="fraction-too-fine"),
        pytest.param(Reader.generalized_time, der.tlv(24, b"20261122120060Z"), id="leap-second"),
        pytest.param(Reader.generalized_time, der.tlv(24, b"00001122120000Z"), id="year-zero"),
        pytest.param(Reader.generalized_time, der.tlv(24, "2026112212000\u0660Z".encode()), id="other-digits"),
    ],
)
def test_a_second_spelling_of_a_value_is_refused(read: Callable[[Reader], object], raw: bytes) -> None:
    with pytest.raises(Malformed):
        read(Reader(raw))


def test_nesting_has_a_cap() -> None:
    raw = b""
    for _ in range(MAX_DEPTH + 1):
        raw = der.sequence(raw)
    reader = Reader(raw)
    for _ in range(MAX_DEPTH):
        reader = reader.enter(Tag.SEQUENCE)
    with pytest.raises(TooLarge):
        reader.enter(Tag.SEQUENCE)


def test_an_optional_element_is_read_only_where_it_stands() -> None:
    reader = Reader(der.octet_string(b"x"))
    assert reader.optional(Tag.SEQUENCE) is None
    assert reader.optional(Tag.OCTET_STRING) == b"x"
    assert reader.optional(Tag.OCTET_STRING) is None
