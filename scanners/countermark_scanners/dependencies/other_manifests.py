"""Manifests and locks of Go, Rust, Ruby and Java.

Layer: scanners, a part of `dependencies`. Imports `packages`; does no I/O.
Trust: the text is hostile. XML is read without a document type, so nothing in it can grow or reach out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from xml.parsers import expat

from ..errors import Unreadable
from .packages import CRATES, GEMS, GO, MAVEN, Package, Places, Source, decoded, rows, table, text

_GO = re.compile(r"\s*(?:require\s+)?([\w.~/-]+\.[\w.~/-]+)\s+(v\S+)")
_GO_REPLACE = re.compile(r"\s*(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>\s+(\S+)(?:\s+(v\S+))?")
_GEM = re.compile(r"\s*gem\s*\(?\s*[\"']([\w.-]+)[\"'](.*)")
_GEM_LOCKED = re.compile(r"    ([\w.-]+) \(([^()]+)\)")
_GRADLE = re.compile(
    r"\b(?:implementation|api|compile|compileOnly|runtimeOnly|testImplementation|testCompile|annotationProcessor|kapt|ksp"
    r"|classpath|androidTestImplementation|provided\w*|developmentOnly)\b[\s(]*(?:platform\s*\(\s*)?[\"']([\w.-]+:[\w.-]+)(?::([^\"'@]+))?"
)
_GRADLE_REPOSITORY = re.compile(r"\burl\s*=?\s*(?:uri\s*\(\s*)?[\"']([^\"']+)[\"']")


def go_mod(content: bytes) -> Iterator[Package]:
    """Read go.mod."""
    block = ""
    for number, raw in enumerate(decoded(content).split("\n"), start=1):
        line = raw.partition("//")[0].rstrip()
        word = line.strip().partition(" ")[0]
        if line.endswith("(") or line == ")":
            block = word.rstrip("(") if line.endswith("(") else ""
            continue
        kind = block or word
        if kind == "replace" and (match := _GO_REPLACE.match(line)):
            yield Package(GO, match[1], "", f"{match[2]} {match[3] or ''}".strip(), number, Source.OVERRIDE, match[2])
        elif kind in {"require", "tool"} and (match := _GO.match(line)):
            yield Package(GO, match[1], match[2], match[2], number)


def go_sum(content: bytes) -> Iterator[Package]:
    """Read go.sum; the rows of a module's own go.mod name no code."""
    for number, line in enumerate(decoded(content).split("\n"), start=1):
        parts = line.split()
        if len(parts) == 3 and not parts[1].endswith("/go.mod"):  # noqa: PLR2004  # module, version, hash
            yield Package(GO, parts[0], parts[1], parts[1], number, hashed=parts[2].startswith("h1:"), locked=True)


def cargo(content: bytes) -> Iterator[Package]:
    """Read Cargo.toml."""
    whole = decoded(content)
    document, places = table(tomllib.loads(whole)), Places(whole)
    scopes = [
        document,
        table(document.get("workspace")),
        *(table(one) for one in table(document.get("target")).values()),
    ]
    for scope in scopes:
        for group in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name, wanted in table(scope.get(group)).items():
                yield _crate(name, wanted, places.line(name))
    for group in ("patch", "replace"):
        for origin, one in table(document.get(group)).items():
            for name in table(one) or {origin: one}:
                yield Package(CRATES, name, "", origin, places.line(name), Source.OVERRIDE, origin)


def _crate(name: str, wanted: object, line: int) -> Package:
    fields = table(wanted) if isinstance(wanted, dict) else {"version": wanted}
    version, address = text(fields.get("version")), text(fields.get("git"))
    name = text(fields.get("package")) or name
    exact = version.removeprefix("=").strip() if version.startswith("=") else ""
    if address:
        pinned = f"{address}#{text(fields.get('rev'))}" if fields.get("rev") else address
        return Package(CRATES, name, exact, version or address, line, Source.ADDRESS, pinned)
    inside = bool(fields.get("workspace") or "path" in fields)
    registry = text(fields.get("registry") or fields.get("registry-index"))
    if registry:
        return Package(CRATES, name, "", registry, line, Source.INDEX, registry)
    return Package(
        CRATES, name, exact, version, line, Source.PATH if inside else Source.REGISTRY, text(fields.get("path"))
    )


def cargo_lock(content: bytes) -> Iterator[Package]:
    """Read Cargo.lock; a package without a source is the project's own."""
    whole = decoded(content)
    places = Places(whole)
    for one in rows(table(tomllib.loads(whole)).get("package")):
        fields = table(one)
        name, version, origin = text(fields.get("name")), text(fields.get("version")), text(fields.get("source"))
        if not origin:
            continue
        line, hashed = places.line(f'name = "{name}"'), bool(text(fields.get("checksum")))
        if origin.startswith("git+"):
            yield Package(CRATES, name, version, version, line, Source.ADDRESS, origin, locked=True)
            continue
        if not re.match(
            r"(registry|sparse)\+https://(github\.com/rust-lang/crates\.io-index|index\.crates\.io/?)$", origin
        ):
            yield Package(CRATES, name, "", origin, line, Source.INDEX, origin)
        yield Package(CRATES, name, version, version, line, hashed=hashed, locked=True)


def gemfile(content: bytes) -> Iterator[Package]:
    """Read a Gemfile."""
    for number, line in enumerate(decoded(content).split("\n"), start=1):
        if match := _GEM.match(line):
            address = re.search(r"(?:git|github|path|source)[\"']?\s*(?::|=>)\s*[\"']([^\"']+)", match[2])
            version = re.search(r",\s*[\"']([^\"']+)[\"']", match[2])
            exact = re.fullmatch(r"=?\s*(\d[\w.]*)", version[1]) if version else None
            source = Source.ADDRESS if address else Source.REGISTRY
            yield Package(
                GEMS,
                match[1],
                exact[1] if exact else "",
                version[1] if version else "",
                number,
                source,
                address[1] if address else "",
            )
        elif (match := re.match(r"\s*source\s*\(?\s*[\"']([^\"']+)", line)) and match[1].rstrip(
            "/"
        ) != "https://rubygems.org":
            yield Package(GEMS, "source", "", match[1], number, Source.INDEX, match[1])


def gemfile_lock(content: bytes) -> Iterator[Package]:
    """Read Gemfile.lock."""
    section = remote = ""
    for number, raw in enumerate(decoded(content).split("\n"), start=1):
        line = raw.rstrip("\r")
        if line and not line[0].isspace():
            section, remote = line, ""
        elif match := re.fullmatch(r"  remote: (\S+)", line):
            remote = match[1]
            if section == "GEM" and remote.rstrip("/") != "https://rubygems.org":
                yield Package(GEMS, "source", "", remote, number, Source.INDEX, remote)
        elif section in {"GEM", "GIT"} and (match := _GEM_LOCKED.fullmatch(line)):
            source = Source.ADDRESS if section == "GIT" else Source.REGISTRY
            version = re.sub(r"-(x86|x64|arm|aarch|java|universal).*$", "", match[2])
            yield Package(
                GEMS, match[1], version, version, number, source, remote if section == "GIT" else "", locked=True
            )


def pom(content: bytes) -> Iterator[Package]:
    """Read pom.xml; raise `Unreadable` for a document type, and for what is no XML."""
    reader = _Pom()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = lambda name, _attributes: reader.opens(name, parser.CurrentLineNumber)
    parser.EndElementHandler = reader.closes
    parser.CharacterDataHandler = reader.reads
    try:
        parser.Parse(content, True)  # noqa: FBT003  # expat takes it by position only
    except expat.ExpatError as error:
        raise Unreadable(f"not XML: {error}") from error
    yield from reader.found


def _refuse(*_: object) -> None:
    raise Unreadable("a document type in a pom, which can make a small file a large one")


class _Pom:
    def __init__(self) -> None:
        self.found: list[Package] = []
        self._path: list[str] = []
        self._fields: dict[str, str] = {}
        self._line = 1

    def opens(self, name: str, line: int) -> None:
        self._path.append(name.rpartition(":")[2])
        if len(self._path) > 200:  # noqa: PLR2004  # no pom is this deep
            raise Unreadable("expected a pom at most 200 deep, found deeper")
        if self._path[-1] in {"dependency", "plugin", "parent", "extension", "repository", "pluginRepository"}:
            self._fields, self._line = {}, line

    def reads(self, data: str) -> None:
        if self._path:
            self._fields[self._path[-1]] = (self._fields.get(self._path[-1], "") + data)[:500]

    def closes(self, _name: str) -> None:
        kind = self._path.pop()
        fields = {key: value.strip() for key, value in self._fields.items()}
        if kind in {"dependency", "plugin", "parent", "extension"} and fields.get("artifactId"):
            version = fields.get("version", "")
            full = f"{fields.get('groupId', 'org.apache.maven.plugins')}:{fields['artifactId']}"
            exact = version if re.fullmatch(r"[\w.+-]+", version) else ""
            source = Source.PATH if fields.get("systemPath") else Source.REGISTRY
            self.found.append(Package(MAVEN, full, exact, version, self._line, source, fields.get("systemPath", "")))
            self._fields = {}
        elif kind in {"repository", "pluginRepository"} and fields.get("url"):
            self.found.append(Package(MAVEN, kind, "", fields["url"], self._line, Source.INDEX, fields["url"]))
            self._fields = {}


def gradle(content: bytes) -> Iterator[Package]:
    """Read the plainly written dependencies and repositories of a Gradle build."""
    for number, raw in enumerate(decoded(content).split("\n"), start=1):
        line = re.sub(r"^\s*//.*", "", raw)
        for match in _GRADLE.finditer(line):
            version = match[2] or ""
            exact = version if re.fullmatch(r"\d[\w.-]*", version) else ""
            yield Package(MAVEN, match[1], exact, version, number)
        for found in _GRADLE_REPOSITORY.finditer(line):
            yield Package(MAVEN, "repository", "", found[1], number, Source.INDEX, found[1])
