"""Rekor's `TransparencyLogEntry` as gitsign embeds it: protocol buffers in, the same entry as bundle JSON out.

Source: sigstore/protobuf-specs `sigstore_rekor.proto`; protobuf.dev/programming-guides/encoding.
Trust: the bytes are hostile until `parse` returns, and nothing in them is believed after: the body that the
proof is about is never theirs, it is recomputed by the caller. One spelling: fields in order, none twice, none
unknown, integers in the fewest octets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from countermark_ledger.canonical import Json, b64encode
from countermark_ledger.errors import Malformed, TooLarge

MAX_BYTES = 64 * 1024
MAX_HASHES = 64
_MAX_INTEGER = 2**63 - 1
_VARINT, _BYTES = 0, 2
_MORE, _SEVEN_BITS = 0x80, 0x7F


class Promise(NamedTuple):
    """When the log took the entry in (seconds since 1970), and its signature over that."""

    integrated: int
    signature: bytes


class LogEntry(NamedTuple):
    """A log's claim to hold an entry: what kind, where, and the proof. `body` is the caller's own to compute."""

    number: int
    log_id: bytes
    kind: str
    version: str
    promise: Promise | None
    proof_index: int
    root: bytes
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    body: bytes

    def json(self, body: bytes) -> Json:
        """Spell the entry as a bundle does, around a body that the caller recomputed."""
        promised: dict[str, Json] = {}
        if self.promise is not None:
            promised["integratedTime"] = str(self.promise.integrated)
            promised["inclusionPromise"] = {"signedEntryTimestamp": b64encode(self.promise.signature)}
        return {
            "logIndex": str(self.number),
            "logId": {"keyId": b64encode(self.log_id)},
            "kindVersion": {"kind": self.kind, "version": self.version},
            **promised,
            "inclusionProof": {
                "logIndex": str(self.proof_index),
                "rootHash": b64encode(self.root),
                "treeSize": str(self.size),
                "hashes": [b64encode(one) for one in self.hashes],
                "checkpoint": {"envelope": self.checkpoint},
            },
            "canonicalizedBody": b64encode(body),
        }


def parse(raw: bytes) -> LogEntry:
    """Read an entry; raise `Malformed` for any other bytes."""
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"log entry: expected at most {MAX_BYTES} bytes, found {len(raw)}")
    entry = _Message(raw, {1: _VARINT, 2: _BYTES, 3: _BYTES, 4: _VARINT, 5: _BYTES, 6: _BYTES, 7: _BYTES})
    kind = _Message(entry.octets(3), {1: _BYTES, 2: _BYTES})
    proof = _Message(entry.octets(6), {1: _VARINT, 2: _BYTES, 3: _VARINT, 4: _BYTES, 5: _BYTES}, repeated=4)
    return LogEntry(
        number=entry.integer(1),
        log_id=_Message(entry.octets(2), {1: _BYTES}).octets(1),
        kind=kind.text(1),
        version=kind.text(2),
        promise=_promise(entry),
        proof_index=proof.integer(1),
        root=proof.octets(2),
        size=proof.integer(3),
        hashes=proof.all(4),
        checkpoint=_Message(proof.octets(5), {1: _BYTES}).text(1),
        body=entry.octets(7),
    )


def _promise(entry: _Message) -> Promise | None:
    """A promise without a time binds none, and a time without a promise is nobody's word."""
    promise = _Message(entry.octets(5), {1: _BYTES}).octets(1)
    return Promise(entry.integer(4), promise) if promise and entry.integer(4) else None


class _Message:
    """The fields of one message by number. What is absent reads as protocol buffers has it: 0 or nothing."""

    def __init__(self, raw: bytes, kinds: Mapping[int, int], repeated: int = 0) -> None:
        self._integers: dict[int, int] = {}
        self._octets: dict[int, list[bytes]] = {}
        at = last = 0
        while at < len(raw):
            key, at = _varint(raw, at)
            number, kind = key >> 3, key & 7
            if kinds.get(number) != kind or number < last or (number == last and number != repeated):
                raise Malformed(f"log entry: unexpected field {number} of kind {kind}")
            last = number
            value, at = _varint(raw, at)
            if kind == _VARINT:
                self._integers[number] = value
                continue
            if at + value > len(raw):
                raise Malformed(f"log entry: expected {value} octets, found {len(raw) - at}")
            self._octets.setdefault(number, []).append(raw[at : at + value])
            at += value

    def integer(self, number: int) -> int:
        return self._integers.get(number, 0)

    def octets(self, number: int) -> bytes:
        return self._octets.get(number, [b""])[0]

    def all(self, number: int) -> tuple[bytes, ...]:
        found = self._octets.get(number, [])
        if len(found) > MAX_HASHES:
            raise TooLarge(f"log entry: expected at most {MAX_HASHES} hashes, found {len(found)}")
        return tuple(found)

    def text(self, number: int) -> str:
        try:
            return self.octets(number).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"log entry: field {number} is not UTF-8") from error


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Read an integer of up to 63 bits in the fewest octets; return it and where the next thing begins."""
    value = shift = 0
    while at < len(raw):
        octet = raw[at]
        at += 1
        value |= (octet & _SEVEN_BITS) << shift
        if value > _MAX_INTEGER or (octet == 0 and shift):
            break
        if octet < _MORE:
            return value, at
        shift += 7
    raise Malformed("log entry: expected an integer of up to 63 bits in the fewest octets")
