"""JavaScript's manifests and locks: package.json, npm, yarn and pnpm.

Layer: scanners, a part of `dependencies`. Imports `packages`; does no I/O.
Trust: the text is hostile. A lock that fetches another package than it names is told by its address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .packages import NPM, Package, Places, Source, decoded, rows, table, text

_ADDRESS = re.compile(r"(git(\+\w+)?|https?|ssh|github|gitlab|bitbucket|gist):|[\w.-]+/[\w.-]+(#.*)?$")
_PATH = re.compile(r"(file|link|portal|workspace|catalog):|\.{0,2}/|~")
_EXACT = re.compile(r"=?v?(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)")
_YARN_KEY = re.compile(r'"?((?:@[^/@"\s]+/)?[^@"\s,]+)@([^",]+)"?')
_PNPM_KEY = re.compile(r"  '?/?((?:@[\w.~-]+/)?[\w.~-]+)[@/](\d[\w.+-]*|[a-z+]+:[^'(]+|https?[^'(]+)(?:\([^']*\))?'?:")


def package(content: bytes) -> Iterator[Package]:
    """Read package.json."""
    whole = decoded(content)
    document, places = table(json.loads(whole)), Places(whole)
    for group in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies"):
        for name, wanted in table(document.get(group)).items():
            yield wished(name, text(wanted), places.line(f'"{name}"'))
    for bundled in rows(document.get("bundledDependencies")) + rows(document.get("bundleDependencies")):
        yield Package(NPM, text(bundled), "", "bundled", places.line(f'"{text(bundled)}"'), Source.PATH, "bundled")
    for group in ("overrides", "resolutions"):
        yield from _overrides(table(document.get(group)), places)
    yield from _overrides(table(table(document.get("pnpm")).get("overrides")), places)


def _overrides(found: dict[str, object], places: Places) -> Iterator[Package]:
    for name, wanted in found.items():
        spelled = wanted if isinstance(wanted, str) else json.dumps(wanted)[:200]
        yield Package(NPM, name, "", spelled, places.line(f'"{name}"'), Source.OVERRIDE, spelled)


def wished(name: str, wanted: str, line: int) -> Package:
    """Read one wish: a range, an exact version, an alias, an address or a path."""
    if alias := re.fullmatch(r"npm:(@?[^@]+)(?:@(.+))?", wanted):
        name, wanted = alias[1], alias[2] or ""
    if _PATH.match(wanted):
        return Package(NPM, name, "", wanted, line, Source.PATH, wanted)
    if _ADDRESS.match(wanted):
        return Package(NPM, name, "", wanted, line, Source.ADDRESS, wanted)
    exact = _EXACT.fullmatch(wanted)
    return Package(NPM, name, exact[1] if exact else "", wanted, line)


def package_lock(content: bytes) -> Iterator[Package]:
    """Read package-lock.json of every version."""
    whole = decoded(content)
    document, places = table(json.loads(whole)), Places(whole)
    for path, one in table(document.get("packages")).items():
        fields = table(one)
        if "node_modules/" in path and not fields.get("link"):
            name = text(fields.get("name")) or path.rpartition("node_modules/")[2]
            yield _locked(name, fields, places.line(f'"{path}"'))
    waiting = [table(document.get("dependencies"))] if "packages" not in document else []
    while waiting:
        for name, one in waiting.pop().items():
            fields = table(one)
            waiting.append(table(fields.get("dependencies")))
            yield _locked(name, fields, places.line(f'"{name}"'))


def _locked(name: str, fields: dict[str, object], line: int) -> Package:
    version, resolved = text(fields.get("version")), text(fields.get("resolved"))
    if re.match(r"(git|https?|github|file)\b", version):
        resolved, version = version, ""
    hashed = bool(text(fields.get("integrity"))) or bool(fields.get("bundled") or fields.get("inBundle"))
    foreign = resolved.startswith(("git", "github", "http://", "file:")) or (
        bool(resolved) and not re.match(r"https://[^/]+/.*\.tgz([?#].*)?$", resolved)
    )
    source = Source.ADDRESS if foreign else Source.REGISTRY
    return Package(
        NPM, name, version, version, line, source, resolved, hashed, bool(fields.get("hasInstallScript")), locked=True
    )


def yarn_lock(content: bytes) -> Iterator[Package]:
    """Read yarn.lock, the first form and the second."""
    name, fields, line = "", dict[str, object](), 0
    for number, raw in enumerate([*decoded(content).split("\n"), "end:"], start=1):
        if raw and not raw[0].isspace() and not raw.startswith("#"):
            if name and name != "__metadata" and "@workspace:" not in text(fields.get("resolution")):
                yield _yarn(name, fields, line)
            key = _YARN_KEY.match(raw)
            name, fields, line = (key[1] if key else ""), {}, number
            if key and (alias := re.match(r"npm:((?:@[^/@]+/)?[^@/]+)@", key[2])):
                name = alias[1]
        elif pair := re.fullmatch(
            r"\s{2}(version|resolved|integrity|resolution|checksum):?\s+\"?([^\"]*)\"?", raw.rstrip("\r")
        ):
            fields[pair[1]] = pair[2]


def _yarn(name: str, fields: dict[str, object], line: int) -> Package:
    resolved = text(fields.get("resolved")) or text(fields.get("resolution")).removeprefix(f"{name}@")
    version = text(fields.get("version"))
    hashed = bool(fields.get("integrity") or fields.get("checksum")) or bool(re.search(r"#[0-9a-f]{40}$", resolved))
    foreign = bool(re.match(r"(git|http:|ssh|file)", resolved)) or "codeload.github.com" in resolved
    source = Source.ADDRESS if foreign else Source.REGISTRY
    return Package(NPM, name, version, version, line, source, resolved, hashed, locked=True)


def pnpm_lock(content: bytes) -> Iterator[Package]:
    """Read pnpm-lock.yaml line by line: it is written by a program, and too long for a parser of all of YAML."""
    section, held = "", None
    for number, raw in enumerate([*decoded(content).split("\n"), "end:"], start=1):
        if re.match(r"\S", raw):
            section = raw.partition(":")[0]
        key = _PNPM_KEY.fullmatch(raw.rstrip("\r")) if section == "packages" else None
        if held and (key or section != "packages"):
            yield _pnpm(*held)
            held = None
        if key:
            held = (key[1], key[2], number, "")
        elif held:
            held = (*held[:3], held[3] + raw.strip() + "\n")


def _pnpm(name: str, version: str, line: int, fields: str) -> Package:
    tarball = re.search(r"tarball:\s*'?([^\s,}']+)", fields)
    foreign = not version[0].isdigit()
    address = version if foreign else tarball[1] if tarball else ""
    source = Source.ADDRESS if foreign else Source.REGISTRY
    scripts = "requiresBuild: true" in fields
    return Package(
        NPM,
        name,
        "" if foreign else version,
        version,
        line,
        source,
        address,
        "integrity:" in fields,
        scripts,
        locked=True,
    )
