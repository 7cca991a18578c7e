"""Bundle collections: one layout, whether in a directory, a git ref or an export.

    <ab>/<sha256>.sigstore.json             a bundle, named by the sha256 of its bytes
    <ab>/<sha256>.certificate.tlog-proof    that its certificate is in the certificate log
    <ab>/<sha256>.tlog-proof                the portable proof that it is in the log (for other readers)
    consistency/<old>-<new>.tlog-consistency   hashes from size old to size new, and the checkpoint of new
    checkpoint                              the newest checkpoint at hand
    index/<sha256 of a change>, status      hints for people; never read here

Layer: ledger core. Does no I/O: files come in as (path, bytes), wherever they lie.
Trust: every file is hostile. Names decide nothing: a file that is not what its name says is kept as altered,
so that the gate can say which row it was about. Content-addressed names make concurrent pushes merge by union.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from . import canonical, shape
from .bundle import Bundle, content_name
from .errors import LedgerError, Malformed, TooLarge
from .statement import Statement

CHECKPOINT = "checkpoint"
_NAMED = re.compile(
    r"[0-9a-f]{2}/(?P<bundle>[0-9a-f]{64})\.sigstore\.json"
    r"|[0-9a-f]{2}/(?P<certificate>[0-9a-f]{64})\.certificate\.tlog-proof"
    r"|consistency/(?P<old>0|[1-9][0-9]{0,18})-(?P<new>[1-9][0-9]{0,18})\.tlog-consistency"
    rf"|{CHECKPOINT}"
)
_FOLDER = re.compile(r"[0-9a-f]{2}|consistency")


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of a collection is looked at; beyond, the answer is inconclusive, never a pass."""

    files: int = 200_000
    total_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Link:
    """A consistency proof between two sizes, with the signed checkpoint of the newer one."""

    old: int
    new: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def path(self) -> str:
        """Name the file."""
        return f"consistency/{self.old}-{self.new}.tlog-consistency"

    def encode(self) -> bytes:
        """Spell the link: one hash a line, a blank line, the checkpoint verbatim."""
        lines = "".join(f"{canonical.b64encode(node)}\n" for node in self.hashes)
        return lines.encode() + b"\n" + self.checkpoint

    @classmethod
    def parse(cls, old: int, new: int, raw: bytes) -> Link:
        """Accept exactly what `encode` emits: base64 has one spelling, and nothing else is skipped over."""
        lines, separator, checkpoint = (b"\n" + raw).partition(b"\n\n")
        hashes = tuple(canonical.b64decode(line.decode("ascii", "replace")) for line in lines.split(b"\n")[1:])
        if not separator or any(len(node) != 32 for node in hashes) or len(hashes) > 128:  # noqa: PLR2004 - SHA-256; RFC 6962 2.1.2
            raise Malformed(f"consistency {old}-{new}: expected hashes, a blank line and a checkpoint")
        return cls(old, new, hashes, checkpoint)


@dataclass(frozen=True)
class Candidate:
    """A bundle that nobody has verified: its bytes, the proofs found beside it, and what it CLAIMS to say.

    Its claims choose whether anybody looks closer, so the rest of it is read when somebody does, and once.
    """

    name: str
    raw: bytes
    certificate_proofs: tuple[bytes, ...]
    claims: Statement

    @cached_property
    def bundle(self) -> Bundle | None:
        """Read the bundle; None when it is damaged, so that only its claims could be read: it can never verify."""
        try:
            return Bundle.parse(self.raw)
        except LedgerError:
            return None  # whoever asks refuses it, and its claims say which row that is about

    @cached_property
    def altered(self) -> bool:
        """Tell whether the bytes are not the ones the name promises."""
        return content_name(self.raw) != self.name


@dataclass(slots=True)
class Collection:
    """Everything one or several sources offered, parsed but not believed. `junk` counts what could not be read."""

    candidates: dict[str, Candidate] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    checkpoints: list[bytes] = field(default_factory=list)
    junk: int = 0

    @classmethod
    def of(cls, files: Iterable[tuple[str, bytes]], caps: Caps | None = None) -> Collection:
        """Read files in any order; unknown names are passed over, uncounted. Raises `TooLarge` beyond the caps."""
        caps = caps or Caps()
        bundles: dict[str, bytes] = {}
        proofs: dict[str, list[bytes]] = {}
        collection, count, total = cls(), 0, 0
        for path, raw in files:
            found = _NAMED.fullmatch(path)
            if found is None:
                continue
            count, total = count + 1, total + len(raw)
            if count > caps.files or total > caps.total_bytes:
                raise TooLarge(f"collection: expected at most {caps.files} files and {caps.total_bytes} bytes")
            if found["bundle"]:
                _prefer_true(bundles, found["bundle"], raw)
            elif found["certificate"]:
                proofs.setdefault(found["certificate"], []).append(raw)
            elif found["new"]:
                collection._take_link(int(found["old"]), int(found["new"]), raw)
            else:
                collection.checkpoints.append(raw)
        for name in sorted(bundles):
            collection._take_bundle(name, bundles[name], tuple(proofs.get(name, ())))
        return collection

    def _take_link(self, old: int, new: int, raw: bytes) -> None:
        try:
            self.links.append(Link.parse(old, new, raw))
        except Malformed:
            self.junk += 1

    def _take_bundle(self, name: str, raw: bytes, proofs: tuple[bytes, ...]) -> None:
        try:
            self.candidates[name] = Candidate(name, raw, proofs, _claims(raw))
        except LedgerError:
            self.junk += 1


def _prefer_true(bundles: dict[str, bytes], name: str, raw: bytes) -> None:
    """Of several sources' files of one name keep the one that IS what the name promises."""
    if name not in bundles or content_name(raw) == name:
        bundles[name] = raw


def _claims(raw: bytes) -> Statement:
    """Read what a bundle is about, also of a damaged one, so that its refusal can name the row."""
    envelope = shape.member(canonical.loads(raw), "dsseEnvelope")
    return Statement.parse(canonical.b64decode(shape.member(envelope, "payload")))


def is_named(path: str) -> bool:
    """Tell whether a collection reads a file of this name; every other file is for other readers."""
    return _NAMED.fullmatch(path) is not None


def is_folder(name: str) -> bool:
    """Tell whether files that a collection reads may lie in a folder of this name at its top; in no other do any."""
    return _FOLDER.fullmatch(name) is not None


def bundle_path(name: str) -> str:
    """Where a bundle lies in every collection."""
    return f"{name[:2]}/{name}.sigstore.json"


def certificate_proof_path(name: str) -> str:
    """Where the certificate-log proof of a bundle lies."""
    return f"{name[:2]}/{name}.certificate.tlog-proof"


def proof_path(name: str) -> str:
    """Where the portable proof of a bundle lies."""
    return f"{name[:2]}/{name}.tlog-proof"
