"""Rekor's entries as protocol buffers: one spelling is read, and no bytes make the reader do anything but refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.errors import LedgerError, Malformed, TooLarge
from countermark_service.gate.signers.log_entry import MAX_BYTES, LogEntry, Promise, parse


def varint(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets[-1] |= 0x80
        octets.append(value & 0x7F)
    return bytes(octets)


def number(at: int, value: int) -> bytes:
    return varint(at << 3) + varint(value)


def octets(at: int, value: bytes) -> bytes:
    return varint(at << 3 | 2) + varint(len(value)) + value


KIND = octets(1, b"hashedrekord") + octets(2, b"0.0.1")
PROOF = number(1, 2) + octets(2, b"r" * 32) + number(3, 5) + octets(4, b"h" * 32) * 3 + octets(5, octets(1, b"note\n"))
PARTS = {
    1: number(1, 1002),
    2: octets(2, octets(1, b"log")),
    3: octets(3, KIND),
    4: number(4, 1_700_000_000),
    5: octets(5, octets(1, b"promise")),
    6: octets(6, PROOF),
    7: octets(7, b"{}"),
}


def entry(**other: bytes) -> bytes:
    """The whole entry, with parts of it (`p6`) in another spelling."""
    return b"".join(other.get(f"p{at}", part) for at, part in PARTS.items())


def test_an_entry_is_read_whole() -> None:
    assert parse(entry()) == LogEntry(
        number=1002,
        log_id=b"log",
        kind="hashedrekord",
        version="0.0.1",
        promise=Promise(1_700_000_000, b"promise"),
        proof_index=2,
        root=b"r" * 32,
        size=5,
        hashes=(b"h" * 32,) * 3,
        checkpoint="note\n",
        body=b"{}",
    )


def test_a_time_and_a_promise_count_only_together() -> None:
    assert parse(entry(p4=b"")).promise is None
    assert parse(entry(p5=b"")).promise is None
    assert "integratedTime" not in str(parse(entry(p5=b"")).json(b"{}"))


def test_what_is_absent_is_nothing() -> None:
    empty = parse(b"")
    assert (empty.number, empty.log_id, empty.kind, empty.hashes, empty.checkpoint) == (0, b"", "", (), "")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(entry(p1=PARTS[1] * 2), id="a-field-twice"),
        pytest.param(entry(p1=PARTS[2], p2=PARTS[1]), id="fields-out-of-order"),
        pytest.param(entry() + octets(8, b"x"), id="an-unknown-field"),
        pytest.param(entry(p1=octets(1, b"x")), id="a-field-of-another-kind"),
        pytest.param(entry(p1=b"\x0b\x01\x0c"), id="a-group"),
        pytest.param(entry(p1=b"\x08\xea\x87\x00"), id="an-integer-in-more-octets"),
        pytest.param(entry(p1=b"\x08" + b"\xff" * 9 + b"\x01"), id="an-integer-of-64-bits"),
        pytest.param(entry(p1=b"\x08" + b"\xff" * 40), id="an-integer-without-end"),
        pytest.param(entry()[:-1], id="cut-off"),
        pytest.param(entry(p7=b"\x3a\xff\xff\xff\xff\x0f"), id="a-length-past-the-end"),
        pytest.param(entry(p3=octets(3, octets(1, b"\xff"))), id="a-kind-that-is-no-text"),
        pytest.param(entry(p6=octets(6, PROOF + number(1, 2))), id="a-proof-with-more-behind-it"),
        pytest.param(b"\xff", id="half-a-key"),
    ],
)
def test_any_other_spelling_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse(raw)


def test_there_is_an_end_to_hashes_and_bytes() -> None:
    with pytest.raises(TooLarge):
        parse(entry(p6=octets(6, octets(4, b"h" * 32) * 65)))
    with pytest.raises(TooLarge):
        parse(b"\x00" * (MAX_BYTES + 1))


@given(st.binary(max_size=200), st.integers(0, len(entry())))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_refusal(raw: bytes, at: int) -> None:
    for one in (raw, entry()[:at] + raw + entry()[at:]):
        try:
            parse(one)
        except LedgerError:
            continue
