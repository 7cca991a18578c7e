"""Text that shows people something else than programs read: hidden, turned round, or looking like other text.

Layer: scanners. One member of the family in `registry`; runs as a native scanner, and `source` asks it about names
that Python's tokenizer has found.
Trust: the bytes are hostile. Every pass is linear; a text in ASCII has one.

Honest text passes: emoji with joiners and selectors, Arabic and Hebrew prose with its marks, ideographs with their
variants, accents, a byte order mark at the start.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from . import catalogue, inert, language
from .catalogue import Rule
from .finding import Severity
from .native import native
from .question import Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .finding import Hit

NAME = "unicode"
_DATA = ("html", "json", "yaml", "xml", "notebook", "svg", "agent-instructions")
_PROSE = frozenset({inert.PROSE, language.UNKNOWN, *_DATA})
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_OVERRIDES = frozenset("\u202d\u202e")
_OPENING, _CLOSING = frozenset("\u202a\u202b\u2066\u2067\u2068"), frozenset("\u202c\u2069")
_JOINERS = "\u200c\u200d"
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028\u2029\u2060-\u2065\u206a-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")
_FOREIGN_WORD = re.compile(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*")
_HOST = re.compile(r"(?:https?|wss?|ftp|ssh|git)://(?:[^\s/@\"'<>]{0,100}@)?([^\s/:?#\"'<>()\[\]`\\]{1,253})")
_SLASHES = frozenset("\u2044\u2215\uff0f\u29f8\u3002\uff0e")
_UTF7 = re.compile(rb"(?i)(?:charset|encoding|coding)\s{0,5}[=:]\s{0,5}[\"']?utf-?7")
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a\U000e0030-\U000e0039]{2,6}\U000e007f")
_BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"))
_MARKED = (*_BOMS, (codecs.BOM_UTF16_BE, "utf-16"))
_SMUGGLED = 4  # invisible characters in a row; no script and no emoji has so many
_TEXTUAL = 0.85  # the share of ASCII text in a text of another coding


def _rules() -> dict[str, Rule]:
    return catalogue.load(NAME)


def look(question: Question) -> list[Hit]:
    """Find what one file hides from its readers."""
    text, coding = _decoded(question.content)
    if text is None:
        return []
    hits = [] if coding is None else [_rules()["odd-coding"].hit(1, coding=coding)]
    if _UTF7.search(question.content):
        hits.append(_rules()["odd-coding"].hit(1, coding="UTF-7"))
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        hits += _line(question.language, number, line.rstrip("\r"))
    return hits


def _decoded(content: bytes) -> tuple[str | None, str | None]:
    """Give the text and the name of its coding when that is not UTF-8; no text for what is none."""
    for mark, coding in _MARKED:
        if content.startswith(mark):
            return content.decode(coding, "replace"), coding.upper()
    try:
        return (None, None) if b"\x00" in content else (content.decode("utf-8"), None)
    except UnicodeDecodeError:
        pass  # no UTF-8: text of another coding, or no text at all; the next line tells
    readable = len(content.translate(None, bytes(range(128, 256)) + bytes(range(9))))
    return (content.decode("latin-1"), "an older coding") if readable >= _TEXTUAL * len(content) else (None, None)


def _line(kind: str, number: int, line: str) -> Iterator[Hit]:
    for match in _CONTROL.finditer(line):
        yield _rules()["control-character"].hit(number, match.start() + 1, code=f"{ord(match[0]):04X}")
        break
    if "://" in line:
        yield from _hosts(number, line)
    if line.isascii():
        return
    if (turned := _BIDI.search(line)) and not (kind in _PROSE and _is_honest_bidi(line)):
        yield _rules()["bidi-control"].hit(number, turned.start() + 1)
    yield from _invisible(kind, number, line)
    if kind not in {inert.PROSE, language.PYTHON}:  # Python's names come from its own tokenizer
        yield from _words(number, line)


def bidi(text: str) -> Iterator[Hit]:
    """Find the lines of code that a reader sees in another order."""
    for number, line in enumerate(text.split("\n"), start=1):
        if match := _BIDI.search(line):
            yield _rules()["bidi-control"].hit(number, match.start() + 1)


def confusable(names: Iterable[tuple[int, int, str]]) -> Iterator[Hit]:
    """Find the names (line, column, name), of a language that has them, that look like or are read as others."""
    for line, column, name in names:
        if _is_folded(name) or mixes_scripts(name) or _is_disguised(name):
            yield _rules()["confusable-name"].hit(line, column)


def mixes_scripts(word: str) -> bool:
    """Say whether one word holds Latin letters and letters of a script that nobody mixes with them."""
    data = _rules()["confusable-name"].data
    scripts = {unicodedata.name(one, "?").split(" ")[0] for one in word if one.isalpha()}
    if "LATIN" not in scripts:
        return False
    greek = any(one in data["lookalikes"] for one in word if unicodedata.name(one, "").startswith("GREEK"))
    return bool(scripts & {*data["scripts"], "FULLWIDTH"}) or (greek and sum(one.isascii() for one in word) > 1)


def _is_folded(name: str) -> bool:
    return not name.isascii() and unicodedata.normalize("NFKC", name).isascii()


def _is_disguised(name: str) -> bool:
    """Say whether a name has no Latin letter and looks as if it had only such."""
    letters = [one for one in name if one.isalpha()]
    return len(letters) > 1 and _lookalikes().issuperset(letters)


@cache
def _lookalikes() -> frozenset[str]:
    return frozenset(_rules()["confusable-name"].data["lookalikes"])


def _words(number: int, line: str) -> Iterator[Hit]:
    for match in _FOREIGN_WORD.finditer(line):
        called = _is_folded(match[0]) and line[match.end() : match.end() + 1] in {"(", "="} and match[0][0].isalpha()
        if mixes_scripts(match[0]) or (called and _is_styled(match[0])):
            yield _rules()["confusable-name"].hit(number, match.start() + 1)


def _is_styled(word: str) -> bool:
    names = [unicodedata.name(one, "") for one in word if not one.isascii()]
    return all(name.startswith(("FULLWIDTH LATIN", "MATHEMATICAL")) for name in names)


def _is_honest_bidi(line: str) -> bool:
    """Accept marks that stand around text written from right to left, and that end where they began."""
    depth = 0
    for one in line:
        depth += (one in _OPENING) - (one in _CLOSING)
        if depth < 0 or one in _OVERRIDES:
            return False
    return depth == 0 and any(unicodedata.bidirectional(one) in {"R", "AL"} for one in line)


def _invisible(kind: str, number: int, line: str) -> Iterator[Hit]:
    flags = [match.span() for match in _FLAG.finditer(line)]
    for match in _HIDDEN.finditer(line):
        start, end = match.span()
        if any(first <= start < last for first, last in flags):
            continue
        if len(match[0]) >= _SMUGGLED or any("\U000e0000" <= one <= "\U000e007f" for one in match[0]):
            yield _rules()["hidden-data"].hit(number, start + 1, count=len(match[0]))
        elif not _is_honest(line[start - 1 : start], match[0], line[end : end + 1]):
            name = unicodedata.name(match[0][0], f"U+{ord(match[0][0]):04X}").lower()
            yield _rules()["invisible-character"].hit(
                number, start + 1, severity=_weight(kind, line[start - 1 : start], line[end : end + 1]), name=name
            )


def _weight(kind: str, before: str, after: str) -> Severity:
    within = before.isascii() and after.isascii() and (before.isalnum() or before == "_") and after.isalnum()
    if kind in _PROSE:
        return Severity.LOW
    return Severity.HIGH if within else Severity.MEDIUM


def _is_honest(before: str, hidden: str, after: str) -> bool:
    """Accept what scripts and emoji need: a selector after a symbol, a joiner between letters that join."""
    if not before or before.isascii():
        return hidden.startswith("\ufe0f") and before in set("0123456789#*")  # a keycap
    if all("\ufe00" <= one <= "\ufe0f" or one in _JOINERS for one in hidden):
        return unicodedata.category(before) in {"So", "Sk", "Sm", "Po", "Pd", "Lo", "Mn", "Mc", "Cn"}
    if all("\U000e0100" <= one <= "\U000e01ef" for one in hidden):
        return len(hidden) == 1 and unicodedata.name(before, "").startswith("CJK")
    if hidden in {"\u200e", "\u200f", "\u061c"}:
        return any(unicodedata.bidirectional(one) in {"R", "AL"} for one in before + after)
    return hidden == "\u200b" and unicodedata.category(before) in {"Lo", "Mn", "Mc"}  # scripts without spaces


def _hosts(number: int, line: str) -> Iterator[Hit]:
    for match in _HOST.finditer(line):
        host = match[1]
        if host.isascii() and "xn--" not in host.lower():
            continue
        labels = [_unfolded(label) for label in host.split(".")]
        foreign = [label for label in labels if not label.isascii()]
        latin = [label for label in labels if label.isascii()]
        disguised = bool(latin) and any(_is_disguised(label) for label in foreign)
        if disguised or any(mixes_scripts(label) or _is_folded(label) for label in foreign) or _SLASHES & set(host):
            yield _rules()["lookalike-host"].hit(number, match.start(1) + 1)


def _unfolded(label: str) -> str:
    if not label.lower().startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:  # no name that could be registered, so none that a browser shows as another
        return label


SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset(),
    reads=None,
    sees=frozenset(),
    canary=Question("javascript", "const a = 1;\nconst user = 'x\u202ey';\n".encode()),
    planted=frozenset({("bidi-control", 2)}),
)
