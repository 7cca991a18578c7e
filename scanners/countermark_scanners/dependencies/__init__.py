"""Dependencies: what a change makes a project fetch, from where, and how surely it is what it says.

Layer: scanners. Imports the parts of this folder, `catalogue` and `native`; does no I/O of its own.
Trust: manifests are hostile. Whether a version is known to be vulnerable is another scanner's question, because that
one needs data which this one does without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .. import catalogue
from ..finding import Confidence, Hit, Severity
from ..native import native
from ..question import DELETED, Question, Sees
from . import names, reading
from .packages import GO, NPM, Package, Source
from .versions import older

NAME = "dependencies"
READS = frozenset({reading.MANIFEST, "xml", "unknown-text", "kotlin", "json", "toml", "yaml"})
HITS_AT_MOST = 5_000
_COMMIT = re.compile(r"[@#=][0-9a-f]{40}([^0-9a-f]|$)|sha(256|384|512)[=:-]")
_LOOSE = frozenset({"", "*", "latest", "x", "any", ">=0", ">= 0", "next"})
_REGISTRIES = re.compile(
    r"https://(registry\.(npmjs\.org|yarnpkg\.com)|npm\.pkg\.github\.com|pypi\.org/simple|files\.pythonhosted\.org"
    r"|repo1?\.maven\.(apache\.)?org/maven2|plugins\.gradle\.org|maven\.google\.com|dl\.google\.com)(/|$)"
)
_CHANNELS = frozenset({"conda-forge", "defaults", "nodefaults", "bioconda"})


@dataclass(frozen=True, slots=True)
class _Before:
    """What a manifest held: versions by name, and the names that ran scripts."""

    versions: dict[tuple[str, str], str]
    scripts: frozenset[str]


def look(question: Question) -> list[Hit]:
    """Say what this manifest newly asks for."""
    if question.before == question.content or question.language == DELETED:
        return []
    found = reading.new(question.path, question.language, question.content, question.before)
    if found is None:
        return []
    packages, old = found
    versions = {(package.ecosystem, package.name): package.version for package in old}
    before = _Before(versions, frozenset(package.name for package in old if package.scripts))
    hits = [hit for package in packages for hit in _hits(package, before)]
    return _numbered(hits)[:HITS_AT_MOST]


def _numbered(hits: list[Hit]) -> list[Hit]:
    """Give findings of one rule on one line columns of their own, worst first where there are too many."""
    taken: set[tuple[str, int, int]] = set()
    apart: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (-hit.severity, hit.line)):
        column = 1
        while (hit.rule, hit.line, column) in taken and column < 100:  # noqa: PLR2004  # more on a line are one crowd
            column += 1
        taken.add((hit.rule, hit.line, column))
        apart.append(replace(hit, column=column))
    return apart


def _hits(package: Package, before: _Before) -> Iterator[Hit]:
    match package.source:
        case Source.INDEX:
            if not _REGISTRIES.match(package.address) and package.address not in _CHANNELS:
                yield _hit("dependency-index", package, package.address)
        case Source.OVERRIDE:
            yield _hit("dependency-override", package, package.wanted)
        case Source.PATH:
            yield _hit("dependency-from-path", package, package.address)
        case Source.ADDRESS:
            yield _address(package)
            yield from _scripts(package, before)
        case Source.REGISTRY:
            yield from _registered(package, before)


def _hit(
    rule: str,
    package: Package,
    about: str = "",
    *,
    severity: Severity | None = None,
) -> Hit:
    found, name = catalogue.load(NAME)[rule], _printable(package.name)
    return found.hit(package.line, severity=severity, name=name, about=_printable(about))


def _address(package: Package) -> Hit:
    pinned = _COMMIT.search(package.address) or package.hashed
    plain = package.address.startswith(("http://", "git://", "git+http://"))
    severity = Severity.HIGH if plain else Severity.LOW if pinned else Severity.MEDIUM
    return _hit("dependency-from-address", package, package.address, severity=severity)


def _registered(package: Package, before: _Before) -> Iterator[Hit]:
    key = (package.ecosystem, package.name)
    if key not in before.versions:
        yield _hit("new-dependency", package, package.version or package.wanted, severity=_wish(package))
        yield from _named(package)
    else:
        lower = older(package.ecosystem, package.version, before.versions[key])
        rule = "dependency-downgraded" if lower else "dependency-changed"
        yield _hit(rule, package, f"{before.versions[key] or 'a range'} -> {package.version or package.wanted}")
    if not package.locked and not package.version and package.wanted.strip() in _LOOSE:
        yield _hit("dependency-unpinned", package)
    if package.hashed is False:
        yield _hit("dependency-unhashed", package, severity=Severity.MEDIUM if package.locked else Severity.LOW)
    yield from _scripts(package, before)
    yield from _fetched(package)


def _wish(package: Package) -> Severity:
    """A lock's row follows from a wish elsewhere, which is told by itself."""
    return Severity.INFO if package.locked else Severity.LOW


def _scripts(package: Package, before: _Before) -> Iterator[Hit]:
    if package.scripts and package.name not in before.scripts:
        yield _hit("dependency-install-script", package)


def _named(package: Package) -> Iterator[Hit]:
    if not package.name.isascii():
        yield _hit("dependency-name-foreign", package)
    elif like := names.likeness(package.ecosystem, package.name):
        severity = Severity.HIGH if like.sure else Severity.MEDIUM
        confidence = Confidence.LOW if like.how == "with a word added" else Confidence.MEDIUM
        rule, name = catalogue.load(NAME)["dependency-name-like"], _printable(package.name)
        hit = rule.hit(package.line, name=name, known=like.known, about=like.how)
        yield replace(hit, severity=severity, confidence=confidence)


def _fetched(package: Package) -> Iterator[Hit]:
    """Compare a lock's address with the name it stands under: the address is what is fetched."""
    if package.ecosystem in {NPM, GO} and package.address.startswith("https://"):
        if not _REGISTRIES.match(package.address):
            yield _hit("dependency-index", package, package.address)
        elif f"/{package.name}/-/" not in package.address.replace("%2f", "/").replace("%2F", "/"):
            yield _hit("dependency-lock-disagrees", package, package.address)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:120])


SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset({reading.MANIFEST}),
    reads=READS,
    sees=frozenset({Sees.PATH, Sees.BEFORE}),
    canary=Question(reading.MANIFEST, b"planted @ git+https://git.example/planted\n", "requirements.txt", None),
    planted=frozenset({("dependency-from-address", 1)}),
)
