"""Files that nobody can read: programs, archives, serialised objects, files of two types, code in disguise.

Layer: scanners. One member of the family in `registry`; runs as a native scanner.
Trust: every file is hostile. Nothing is run, loaded or written; unpacking is bounded, and what cannot be listed is
unscanned. The findings say why a file matters; the types themselves stay "not covered" unless a policy accepts them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .. import catalogue
from ..catalogue import Rule
from ..errors import Unreadable
from ..native import native
from ..question import Question, Sees
from . import archives, code, kinds, pickles
from .kinds import Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..finding import Hit
    from .kinds import Kind

NAME = "binaries"
_CODE = frozenset(
    {"python", "javascript", "typescript", "tsx", "shell", "script", "go", "java", "kotlin", "php", "ruby", "rust", "c"}
    | {"cython", "build-script", "dockerfile", "html", "svg", "unknown-text", "notebook", "python-path-file"}
)
_LONG_LINES = _CODE - {"html", "svg", "unknown-text", "notebook"}
_SAID = {
    **dict.fromkeys((".png", ".apng"), "PNG"),
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG"),
    **dict.fromkeys((".woff", ".woff2"), "WOFF"),
    **dict.fromkeys((".ttf", ".otf"), "font"),
    **dict.fromkeys(
        (".md", ".txt", ".rst", ".json", ".csv", ".yml", ".yaml", ".toml", ".xml", ".css", ".html"), "text"
    ),
    ".gif": "GIF",
    ".webp": "WEBP",
    ".ico": "ICO",
    ".pdf": "PDF",
}
_PICKLES = frozenset({".pkl", ".pickle", ".pck", ".joblib", ".dill", ".gpickle"})
_SECOND = (
    (re.compile(rb"<\?php\s"), "PHP code"),
    (re.compile(rb"<script[\s>]", re.IGNORECASE), "a page with a script"),
    (re.compile(rb"\x7fELF[\x01\x02][\x01\x02]\x01"), "an ELF program"),
)
_MOST = 1_000  # places in one file
_LEADING = re.compile(rb"GIF8[79]a\s{0,8}(?:=|/\*|;|\n\w)")  # a picture's first bytes that a script's reader accepts
_PDF_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|OpenAction|AA|RichMedia|EmbeddedFile)\b")
_SVG_ACTIVE = re.compile(
    r"<script[\s>]|\son[a-z]{3,20}\s{0,3}=|(?:href|src)\s{0,3}=\s{0,3}[\"']?\s{0,3}(?:javascript|data:text/html):|<foreignobject",
    re.IGNORECASE,
)
_MACROS = ("V\x00B\x00A\x00".encode("latin-1"), b"_VBA_PROJECT", b"vbaProject.bin")
_RISKY_NAMES = re.compile(
    r"(?:^|[._])(?:eval|exec|execfile|system|popen|spawn\w*|call|check_output|run|compile|__import__|getattr|setattr|load\w*|open|connect|urlopen|import_module|Popen|fork|unlink|remove|rmtree|kill)$"
)


def _rules() -> dict[str, Rule]:
    return catalogue.load(NAME)


def look(question: Question) -> list[Hit]:
    """Say of one file what makes it more, or less readable, than it seems."""
    content = question.content
    if not content:
        return []
    found = kinds.kind(content) or _by_name(question.path, content)
    hits = list(_of_two_types(found, content)) + list(_misnamed(question.path, found, content))
    if found is not None:
        return hits + list(_kind(found, content, archives.Budget(), depth=0))
    text = _text(content)
    if text is None:
        return [*hits, _rules()["opaque-data"].hit(1)]
    return hits + list(_readable(question.language, text))


def _by_name(path: str, content: bytes) -> Kind | None:
    """Take the oldest pickles, which have no mark, by their name."""
    is_one = PurePosixPath(path).suffix.lower() in _PICKLES and content.rstrip().endswith(b".")
    return kinds.PICKLE if is_one else None


def _text(content: bytes) -> str | None:
    if b"\x00" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    coding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return content.decode(coding)
    except UnicodeDecodeError:  # text of an older coding, or no text; the scanner of codings tells
        return None


def _kind(found: Kind, content: bytes, budget: archives.Budget, depth: int) -> Iterator[Hit]:
    if found.group is Group.PROGRAM:
        yield _rules()["executable"].hit(1, kind=found.name)
    elif found.group is Group.BYTECODE:
        yield _rules()["bytecode"].hit(1, kind=found.name)
    elif found.group is Group.OBJECTS:
        yield from _objects(found, content)
    elif found.group is Group.DOCUMENT:
        yield from _document(content)
    elif found.group is Group.ARCHIVE:
        yield _rules()["archive"].hit(1, kind=found.name)
        yield from _archive(found, content, budget, depth)


def _objects(found: Kind, content: bytes) -> Iterator[Hit]:
    if found.name == "NumPy" and b"|O" not in content[:256]:
        return
    yield _rules()["serialised-objects"].hit(1, kind=found.name)
    start = content.find(b"\n", 10) + 1 if found.name == "NumPy" else 0
    for name in sorted(pickles.names(content[start:])):
        if _runs(name):
            yield _rules()["serialised-program"].hit(1, name=name[:80])


def _runs(name: str) -> bool:
    data = _rules()["serialised-program"].data
    module, _, called = name.rpartition(".")
    if name in data["harmless"]:
        return False
    return not module or module.split(".")[0] in data["modules"] or bool(_RISKY_NAMES.search(called))


def _document(content: bytes) -> Iterator[Hit]:
    if content.startswith(b"%PDF-"):
        found = sorted({match[0].decode() for match in _PDF_ACTIVE.finditer(content)} - {"/OpenAction", "/AA"})
        if found:
            yield _rules()["active-document"].hit(1, what=", ".join(found))
    elif any(mark in content for mark in _MACROS):
        yield _rules()["active-document"].hit(1, what="macros")


def _archive(found: Kind, content: bytes, budget: archives.Budget, depth: int) -> Iterator[Hit]:
    limits = _rules()["archive-bomb"].data
    if depth >= limits["depth"]:
        yield _rules()["archive-bomb"].hit(1, what=f"holds archives within archives, {depth + 1} deep")
        return
    if not archives.can_list(found.name):
        return
    packed = unpacked = 0
    for entry in archives.entries(found.name, content, budget, limits["entries"]):
        packed, unpacked = packed + entry.packed, unpacked + entry.unpacked
        if entry.wrong is not None:
            yield _rules()["unsafe-archive-member"].hit(1, what=entry.wrong)
        if entry.name.endswith("vbaProject.bin"):
            yield _rules()["active-document"].hit(1, what="macros")
        yield from _entry(entry, budget, depth)
    if unpacked > limits["bytes"] or (unpacked > len(content) * limits["ratio"]) or packed > 2 * len(content):
        yield _rules()["archive-bomb"].hit(1, what=f"unpacks to at least {unpacked} bytes, from {len(content)}")


def _entry(entry: archives.Entry, budget: archives.Budget, depth: int) -> Iterator[Hit]:
    inner = kinds.kind(entry.content)
    if inner is None:
        return
    if inner.group in {Group.PROGRAM, Group.BYTECODE}:
        yield _rules()["program-in-archive"].hit(1, kind=inner.name)
    elif inner.group is Group.OBJECTS:
        yield from _objects(inner, entry.content)
    elif inner.group is Group.ARCHIVE:
        yield from _archive(inner, entry.content, budget, depth + 1)


def _of_two_types(found: Kind | None, content: bytes) -> Iterator[Hit]:
    first = found.name if found is not None else "text"
    is_zip = found is not None and found.name == "zip"
    if not is_zip and archives.ends_as_zip(content) and (found is None or found.group is not Group.ARCHIVE):
        yield _rules()["polyglot"].hit(1, first=first, second="a zip archive")
    if found is None or found.group not in {Group.PICTURE, Group.DOCUMENT, Group.DATA}:
        if b"%PDF-" in content[1:1024] and b"\x00" in content:
            yield _rules()["polyglot"].hit(1, first=first, second="a PDF document")
        return
    for pattern, second in _SECOND:
        if found.group is Group.PICTURE and pattern.search(content):
            yield _rules()["polyglot"].hit(1, first=first, second=second)
    if _LEADING.match(content):
        yield _rules()["polyglot"].hit(1, first=first, second="a script")
    if found.name == "PNG" and not content.rstrip(b"\x00\r\n").endswith(b"IEND\xaeB`\x82"):
        yield _rules()["polyglot"].hit(1, first=first, second="something after its end")


def _misnamed(path: str, found: Kind | None, content: bytes) -> Iterator[Hit]:
    said = _SAID.get(PurePosixPath(path).suffix.lower())
    if said is None or (found is not None and found.name == said):
        return
    if said == "text":
        if found is not None and found.group is not Group.PICTURE:
            yield _rules()["misnamed"].hit(1, said=said, kind=found.name)
    elif not content.startswith(b"version https://git-lfs.github.com/spec/"):
        yield _rules()["misnamed"].hit(1, said=said, kind=found.name if found is not None else "something else")


def _readable(language: str, text: str) -> Iterator[Hit]:
    if language == "svg" or text[:1000].lstrip("\ufeff \r\n\t").lower().startswith("<svg"):
        match = _SVG_ACTIVE.search(text)
        if match:
            yield _rules()["active-document"].hit(text.count("\n", 0, match.start()) + 1, what="a script")
    if language in _CODE:
        yield from _unlike_code(language, text)


def _unlike_code(language: str, text: str) -> Iterator[Hit]:
    seen: set[tuple[str, int]] = set()
    least = _rules()["escaped-text"].data["least"], _rules()["unreadable-code"].data["least"]
    places = [(_rules()["obfuscated-code"].id, place) for place in code.decoded(text)]
    places += [(_rules()["escaped-text"].id, place) for place in code.escaped(text, least[0])]
    if language in _LONG_LINES:
        places += [(_rules()["unreadable-code"].id, place) for place in code.endless(text, least[1])]
    starts = [0, *(match.end() for match in re.finditer("\n", text))] if places else []
    for rule, place in places:
        line = bisect_right(starts, place.at)
        column = place.at - starts[line - 1] + 1
        if (rule, line) not in seen:
            seen.add((rule, line))
            yield _rules()[rule].hit(line, column, what=place.what, count=place.size, length=place.size)
        if len(seen) > _MOST:
            raise Unreadable(f"more than {_MOST} places of code that nobody can read")


SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset(),
    reads=None,
    sees=frozenset({Sees.PATH}),
    canary=Question("javascript", b"let a = 1;\neval(atob('YWxlcnQoMSk='));\n", path="a.js"),
    planted=frozenset({("obfuscated-code", 2)}),
)
