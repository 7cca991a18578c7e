"""Which files of a collection the pinned log vouches for: all that a mirror may hold.

A bundle counts with the proof of its certificate beside it, when all of it verifies and its entry is below the
collection's own checkpoint; a proof or a link when it verifies; a hint when it names bundles that are there.

Trust: every file is hostile, and so is every name. Does no I/O: `read` lends contents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from countermark_ledger import merkle, verifier
from countermark_ledger.bundle import Bundle
from countermark_ledger.checkpoint import SignedCheckpoint, TreeHead
from countermark_ledger.collection import CHECKPOINT, bundle_path, certificate_proof_path
from countermark_ledger.errors import BadInclusion, LedgerError, Malformed, WrongEntry
from countermark_ledger.tlog_proof import TlogProof
from countermark_ledger.trust import TrustRoot
from countermark_ledger.verifier import Verified
from countermark_service.joining import MAX_HINT_LINES, Kind, check_link, kind_of

MAX_BESIDE = 256 * 1024
"""How large a file beside the bundles may be: a checkpoint in it has room for lines that nobody verifies."""

Read = Callable[[str], bytes | None]
"""Gives the content of a path of the collection, None where it has none (or one too large to be read)."""


@dataclass(slots=True)
class Judged:
    """What was found of the files looked at: the log indices whose bundles hold, and what does not hold, by path."""

    indices: set[int] = field(default_factory=set)
    refused: dict[str, LedgerError] = field(default_factory=dict)


def head_of(read: Read, trust: TrustRoot) -> TreeHead:
    """Return the head of a collection's own checkpoint; raise `Malformed` without one, `Forged` for another log's."""
    raw = read(CHECKPOINT)
    if raw is None:
        raise Malformed("expected a checkpoint of the log, found none")
    return SignedCheckpoint.parse(raw).verify(trust.log)


def judge(paths: Iterable[str], read: Read, head: TreeHead, trust: TrustRoot) -> Judged:
    """Look at files of a collection whose checkpoint is `head`; the work grows with the bundles among them."""
    judged, work = Judged(), _Work(read, head, trust)
    for path in paths:
        try:
            work.check(path, judged)
        except LedgerError as error:
            judged.refused[path] = error
    return judged


@dataclass(frozen=True, slots=True)
class _Work:
    read: Read
    head: TreeHead
    trust: TrustRoot
    held: dict[str, Verified] = field(default_factory=dict)

    def check(self, path: str, judged: Judged) -> None:
        raw = self.read(path)
        if raw is None:
            raise WrongEntry(f"{path}: expected a file that can be read")
        if kind_of(path) is not Kind.BUNDLE and len(raw) > MAX_BESIDE:
            raise Malformed(f"{path}: expected at most {MAX_BESIDE} bytes, found {len(raw)}")
        match kind_of(path):
            case Kind.BUNDLE:
                judged.indices.add(self.bundle(path[3:67], raw).log_index)
            case Kind.CERTIFICATE_PROOF:
                self.proof(path, raw)
                self.bundle(path[3:67], self.beside(path))
            case Kind.PROOF:
                leaf = merkle.leaf_hash(Bundle.parse(self.beside(path)).entry.body)
                self.reached(path, self.proof(path, raw).verify(leaf, self.trust.log).size)
            case Kind.LINK:
                self.reached(path, check_link(path, raw, self.trust).new)
            case Kind.CHECKPOINT:
                head_of(self.read, self.trust)
            case Kind.STATUS | Kind.INDEX:
                self.hint(path, raw)
            case None:
                raise WrongEntry(f"{path}: no name of a bundle collection's layout")

    def bundle(self, name: str, raw: bytes) -> Verified:
        if name in self.held:
            return self.held[name]
        proof = self.read(certificate_proof_path(name))
        if proof is None:
            raise Malformed(f"bundle {name[:12]}: expected a certificate proof beside it, found none")
        verified = verifier.verify(raw, certificate_proof=proof, trust=self.trust)
        if verified.name != name:
            raise WrongEntry(f"bundle {name[:12]}: its bytes are not the ones its name promises")
        self.reached(bundle_path(name), verified.log_index + 1)
        self.held[name] = verified
        return verified

    def proof(self, path: str, raw: bytes) -> TlogProof:
        """Read a proof that carries nothing besides."""
        proof = TlogProof.parse(raw)
        if proof.extra is not None:
            raise Malformed(f"{path}: expected a proof alone, found data that nothing authenticates")
        return proof

    def beside(self, path: str) -> bytes:
        """Return the bundle that a proof is about."""
        raw = self.read(bundle_path(path[3:67]))
        if raw is None:
            raise Malformed(f"{path}: expected the bundle that it is about, found none")
        return raw

    def reached(self, path: str, size: int) -> None:
        """Refuse what speaks of entries beyond the checkpoint: nothing here could show that they are of one log."""
        if size > self.head.size:
            raise BadInclusion(f"{path}: expected entries below {self.head.size}, found one beyond the checkpoint")

    def hint(self, path: str, raw: bytes) -> None:
        """A hint is sorted lines, each the name of a bundle that is there."""
        names = raw.decode("ascii", "replace").split("\n")[:-1]
        spelled = "".join(f"{name}\n" for name in sorted(set(names))).encode()
        if raw != spelled or not 0 < len(names) <= MAX_HINT_LINES:
            raise Malformed(f"{path}: expected sorted lines, each the name of a bundle")
        for name in names:
            where = bundle_path(name)
            if kind_of(where) is not Kind.BUNDLE or self.read(where) is None:
                raise Malformed(f"{path}: expected names of bundles that are there, found another")
