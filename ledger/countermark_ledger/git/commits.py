"""Commit objects: one strict reader, and exactly the bytes that a commit's signature covers.

Layer: ledger git. Imports nothing of ours but `sshsig` and `errors`; does no I/O.
Trust: raw commits are hostile until `Commit.parse` returns. Readers that skip what they don't know, or take
the last of two headers, have verified a signature over one commit and shown another (ATTACKS.md, verifier).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .. import sshsig
from ..errors import BadSignature, Malformed

NAMESPACE = "git"
MAX_PARENTS = 64

_HEADER = re.compile(rb"([!-~]+) ([^\n]*(?:\n [^\n]*)*)\n")
_ONCE = (b"tree", b"author", b"committer", b"encoding", b"gpgsig", b"gpgsig-sha256")
_ONE_LINE = (b"tree", b"parent", b"author", b"committer", b"encoding")
_TREE = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
_SIGNATURE_HEADER = {40: b"gpgsig", 64: b"gpgsig-sha256"}


@dataclass(frozen=True, slots=True)
class Commit:
    """A parsed commit. `signature` is the armored text as the signer made it, None when unsigned."""

    tree: str
    parents: tuple[str, ...]
    author: bytes
    committer: bytes
    message: bytes
    signature: bytes | None
    signed_payload: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Commit:
        """Accept headers in git's order, each well formed, none twice where git writes one."""
        head, blank, message = raw.partition(b"\n\n")
        if not blank or b"\x00" in raw:
            raise Malformed("commit: expected headers, an empty line and text, found otherwise")
        headers = _headers(head + b"\n")
        values = dict(headers)
        tree = _object_id(headers[0][1], len(headers[0][1]))
        parents = tuple(_object_id(value, len(tree)) for key, value in headers if key == b"parent")
        _check_order([key for key, _ in headers], len(parents))
        signed_by = _SIGNATURE_HEADER[len(tree)]
        _check_signature_headers(values, signed_by)
        signature = values.get(signed_by)
        return cls(
            tree=tree,
            parents=parents,
            author=values[b"author"],
            committer=values[b"committer"],
            message=message,
            signature=None if signature is None else signature.replace(b"\n ", b"\n"),
            signed_payload=_without(headers, signed_by) + b"\n" + message,
        )

    def signer(self, allowed: Iterable[sshsig.PublicKey]) -> sshsig.PublicKey:
        """Return the allowed SSH key that signed exactly this commit; raise `BadSignature` otherwise."""
        if self.signature is None:
            raise BadSignature("commit: expected an SSH signature, found none", hint="git commit --amend -S")
        if not self.signature.startswith(sshsig.BEGIN):
            raise BadSignature("commit: expected an SSH signature, found one of another kind")
        return sshsig.verify(self.signature, message=self.signed_payload, namespace=NAMESPACE, allowed=allowed)


def _headers(head: bytes) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = _HEADER.findall(head)
    if _without(headers, None) != head:
        raise Malformed("commit: expected lines of `name value`, found something else")
    for key, value in headers:
        if key in _ONE_LINE and b"\n" in value:
            raise Malformed(f"commit: expected one line of {key.decode('ascii')}, found a continuation")
    return headers


def _check_order(keys: list[bytes], parents: int) -> None:
    expected = [b"tree", *[b"parent"] * parents, b"author", b"committer"]
    if keys[: len(expected)] != expected:
        raise Malformed("commit: expected tree, parents, author and committer first, found otherwise")
    if parents > MAX_PARENTS:
        raise Malformed(f"commit: expected at most {MAX_PARENTS} parents, found {parents}")
    for key in _ONCE:
        if keys.count(key) > 1:
            raise Malformed(f"commit: expected one {key.decode('ascii')}, found {keys.count(key)}")


def _check_signature_headers(keys: Iterable[bytes], signed_by: bytes) -> None:
    """Git leaves EVERY header named gpgsig... out of the signed bytes, so only the one we verify may be there."""
    for key in keys:
        if key.startswith(b"gpgsig") and key != signed_by:
            raise Malformed(f"commit: expected no {key.decode('ascii')} header, found one")


def _without(headers: Iterable[tuple[bytes, bytes]], name: bytes | None) -> bytes:
    return b"".join(b"%s %s\n" % (key, value) for key, value in headers if key != name)


def _object_id(value: bytes, length: int) -> str:
    if len(value) != length or not _TREE.fullmatch(value):
        raise Malformed("commit: expected an object id, found something else")
    return value.decode("ascii")
