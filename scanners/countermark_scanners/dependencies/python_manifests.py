"""Python's manifests and locks: requirements, pyproject, Pipfile, setup.cfg, poetry, uv, conda environments.

Layer: scanners, a part of `dependencies`. Imports `packages`, `entries` and `yaml_nodes`; does no I/O.
Trust: the text is hostile; what a requirement can't be parsed as is kept as written, never dropped.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator

from ..yaml_nodes import leaves
from .packages import CONDA, PYPI, Package, Places, Source, decoded, python_name, rows, table, text

_OPTION = re.compile(r"(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host)[= ]\s*(\S+)")
_EDITABLE = re.compile(r"(?:-e|--editable)[= ]\s*(\S+)")
_HASH = re.compile(r"--hash[= ]\S+")
_PATH = re.compile(r"(\.{0,2}/|file:|~)\S*|\S+\.(whl|tar\.gz|zip)(\s|$)")
_ADDRESS = re.compile(r"(git|hg|svn|bzr)\+\S+|https?://\S+|git@\S+")
_EXACT = re.compile(r"===?\s*([^\s,*]+)$")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def requirements(content: bytes) -> Iterator[Package]:
    """Read a requirements or constraints file, with its options."""
    hashes = b"--hash" in content
    for line, number in _logical(decoded(content)):
        if option := _OPTION.match(line):
            yield Package(PYPI, option[1], "", option[2], number, Source.INDEX, option[2])
        elif editable := _EDITABLE.match(line):
            yield wished(editable[1], number)
        elif not line.startswith("-"):
            yield wished(_HASH.sub("", line).strip(), number, hashed=bool(_HASH.search(line)) if hashes else None)


def _logical(whole: str) -> Iterator[tuple[str, int]]:
    """Join continued lines and strip comments, as pip does."""
    held, start = "", 0
    for number, raw in enumerate(whole.split("\n"), start=1):
        start = start or number
        line = re.sub(r"(^|\s)#.*$", "", raw.rstrip("\r"))
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        if joined := (held + line).strip():
            yield joined, start
        held, start = "", 0
    if held.strip():
        yield held.strip(), start


def wished(spelled: str, line: int, *, hashed: bool | None = None, address: str = "") -> Package:
    """Read one requirement (PEP 508, an address, or a path)."""
    if _ADDRESS.match(spelled) or _PATH.match(spelled):
        source = Source.ADDRESS if _ADDRESS.match(spelled) else Source.PATH
        egg = re.search(r"[#&]egg=([\w.-]+)", spelled)
        name = egg[1] if egg else re.sub(r"[@#?].*$", "", spelled.rstrip("/")).rpartition("/")[2]
        return Package(PYPI, python_name(name), "", spelled, line, source, spelled, hashed)
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415  # the gate knows this scanner by name, and loads no library for that

    try:
        read = Requirement(spelled)
    except InvalidRequirement:
        found = _NAME.match(spelled)
        return Package(PYPI, python_name(found[0] if found else spelled[:80]), "", spelled, line, hashed=hashed)
    address = read.url or address
    source = Source.ADDRESS if address else Source.REGISTRY
    source = Source.PATH if address and not _ADDRESS.match(address) else source
    exact = _EXACT.search(str(read.specifier))
    version = exact[1] if exact and len(read.specifier) == 1 else ""
    return Package(PYPI, python_name(read.name), version, str(read.specifier) or address, line, source, address, hashed)


def pyproject(content: bytes) -> Iterator[Package]:
    """Read the requirements of a project (PEP 621, 735, 518), and those of poetry, uv and PDM."""
    whole = decoded(content)
    document, places = table(tomllib.loads(whole)), Places(whole)
    project, tool = table(document.get("project")), table(document.get("tool"))
    lists = [project.get("dependencies"), table(document.get("build-system")).get("requires")]
    lists += [*table(project.get("optional-dependencies")).values(), *table(document.get("dependency-groups")).values()]
    lists += [table(tool.get("uv")).get(name) for name in ("dev-dependencies", "constraint-dependencies")]
    lists += list(table(table(tool.get("pdm")).get("dev-dependencies")).values())
    for one in lists:
        yield from (wished(item, places.line(item)) for item in rows(one) if isinstance(item, str))
    uv = table(tool.get("uv"))
    for name, where in table(uv.get("sources")).items():
        yield from _from_table(name, where, places, Source.OVERRIDE)
    for item in rows(uv.get("override-dependencies")):
        yield Package(PYPI, text(item), "", text(item), places.line(text(item)), Source.OVERRIDE, text(item))
    yield from _indexes([*rows(uv.get("index")), *rows(table(tool.get("poetry")).get("source"))], places)
    yield from _indexes(rows(table(tool.get("pdm")).get("source")), places)
    yield from _poetry(table(tool.get("poetry")), places)


def _indexes(found: list[object], places: Places) -> Iterator[Package]:
    for one in found:
        url = text(table(one).get("url"))
        yield Package(PYPI, "index", "", url, places.line(url), Source.INDEX, url)


def _poetry(poetry: dict[str, object], places: Places) -> Iterator[Package]:
    groups = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    groups += [table(group).get("dependencies") for group in table(poetry.get("group")).values()]
    for group in groups:
        for name, wanted in table(group).items():
            if name != "python":
                yield from _from_table(name, wanted, places, Source.ADDRESS)


def _from_table(name: str, wanted: object, places: Places, foreign: Source) -> Iterator[Package]:
    """Read `name = "1.0"` and `name = {git = ..., rev = ...}`; a list holds one for each platform."""
    line = places.line(name)
    for one in wanted if isinstance(wanted, list) else [wanted]:
        fields = table(one) if isinstance(one, dict) else {"version": one}
        version = text(fields.get("version"))
        address = next((text(fields[kind]) for kind in ("git", "url", "path", "file") if kind in fields), "")
        pin = text(fields.get("rev") or fields.get("ref"))
        source = foreign if address and "path" not in fields else Source.PATH if address else Source.REGISTRY
        exact = re.fullmatch(r"(?:===?)?\s*v?(\d[^\s,*<>~^]*)", version)
        pinned = exact[1] if exact and version.startswith("=") else ""
        if source is not Source.REGISTRY or version:
            spelled = f"{address}@{pin}" if pin else address
            yield Package(PYPI, python_name(name), pinned, version or spelled, line, source, spelled)


def pipfile(content: bytes) -> Iterator[Package]:
    """Read a Pipfile."""
    whole = decoded(content)
    document, places = table(tomllib.loads(whole)), Places(whole)
    yield from _indexes(rows(document.get("source")), places)
    for group in ("packages", "dev-packages"):
        for name, wanted in table(document.get(group)).items():
            yield from _from_table(name, wanted, places, Source.ADDRESS)


def pipfile_lock(content: bytes) -> Iterator[Package]:
    """Read a Pipfile.lock."""
    whole = decoded(content)
    document, places = table(json.loads(whole)), Places(whole)
    yield from _indexes(rows(table(document.get("_meta")).get("sources")), places)
    for group in ("default", "develop"):
        for name, one in table(document.get(group)).items():
            fields = table(one)
            version = text(fields.get("version")).removeprefix("==")
            address = text(fields.get("git") or fields.get("file"))
            source = Source.ADDRESS if address else Source.PATH if "path" in fields else Source.REGISTRY
            line, hashed = places.line(f'"{name}"'), bool(rows(fields.get("hashes")))
            yield Package(PYPI, python_name(name), version, version, line, source, address, hashed, locked=True)


def locked(content: bytes) -> Iterator[Package]:
    """Read poetry.lock, uv.lock, pdm.lock or pylock.toml: one table a package."""
    whole = decoded(content)
    document, places = table(tomllib.loads(whole)), Places(whole)
    files = table(table(document.get("metadata")).get("files"))
    for one in rows(document.get("package")) or rows(document.get("packages")):
        fields = table(one)
        name, version, origin = text(fields.get("name")), text(fields.get("version")), table(fields.get("source"))
        kind = next((kind for kind in ("git", "url", "registry", "path", "editable", "virtual") if kind in origin), "")
        address = text(origin.get(kind)) if kind else text(origin.get("url"))
        kind = kind if kind not in {"", "url"} else text(origin.get("type")) or kind
        if kind in {"path", "editable", "virtual", "directory", "file"}:
            continue  # the project itself, and parts of it
        archives = [
            *rows(fields.get("wheels")),
            *rows(fields.get("files")),
            *rows(files.get(name)),
            fields.get("sdist"),
        ]
        hashed = any(re.match(r"(sha\d+:)?[0-9a-f]{32,}", text(table(each).get("hash"))) for each in archives)
        hashed = hashed or any(table(table(each).get("hashes")) for each in archives)
        source = Source.ADDRESS if kind in {"git", "url"} else Source.REGISTRY
        line = places.line(f'name = "{name}"')
        if kind in {"registry", "legacy"} and not re.match(r"https://pypi\.org/simple/?$", address):
            yield Package(PYPI, name, "", address, line, Source.INDEX, address)
        shown = address if source is Source.ADDRESS else ""
        yield Package(PYPI, python_name(name), version, version, line, source, shown, hashed, locked=True)


def setup_cfg(content: bytes) -> Iterator[Package]:
    """Read the requirements in setup.cfg."""
    section = key = ""
    for number, raw in enumerate(decoded(content).split("\n"), start=1):
        line = raw.strip()
        if line.startswith(("#", ";")) or not line:
            continue
        if line.startswith("["):
            section, key = line.strip("[]"), ""
            continue
        if not raw[0].isspace():
            key, _, line = (part.strip() for part in line.partition("="))
        wanted = section == "options" and key in {"install_requires", "setup_requires", "tests_require"}
        if line and (wanted or section == "options.extras_require"):
            yield wished(line, number)


def environment(content: bytes) -> Iterator[Package]:
    """Read a conda environment with the requirements of pip in it."""
    for leaf in leaves(content):
        if leaf.keys[:1] == ("channels",):
            yield Package(CONDA, "channel", "", leaf.value, leaf.line, Source.INDEX, leaf.value)
        elif leaf.keys == ("dependencies", "pip"):
            option = _OPTION.match(leaf.value)
            yield (
                Package(PYPI, option[1], "", option[2], leaf.line, Source.INDEX, option[2])
                if option
                else wished(leaf.value, leaf.line)
            )
        elif leaf.keys == ("dependencies",):
            name, _, wanted = re.sub(r"^[\w.-]+::", "", leaf.value).partition("=")
            version = wanted.lstrip("=").partition("=")[0]
            exact = re.fullmatch(r"[\w.!+-]+", version) and "=" in leaf.value
            yield Package(CONDA, name.strip().lower(), version if exact else "", wanted, leaf.line)
