"""Tests of JavaScript, TypeScript, Go, Java, Kotlin and Rust, read from brackets and names.

Layer: scanners, a part of `tampering`. Imports `checks`, `masking` and `vocabulary`; does no I/O.
Trust: the text is hostile. A commented-out test is no test, and a test inside a skipped group is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from .checks import Check, Skip, Strength, Unit, Units
from .masking import Masked, mask
from .vocabulary import strength_of

_JS_TEST = re.compile(
    r"(?<![\w.$])(xit|xtest|xdescribe|fit|fdescribe|it|test|describe|context|specify|suite)((?:\.\w+)*)\s*(?=[(`])"
)
_JS_SKIP = re.compile(r"(?<![\w$])(?:this|t|test|it)\.skip\s*\(|(?<![\w.$])pending\s*\(")
_JS_GROUPS = frozenset({"describe", "xdescribe", "fdescribe", "context", "suite"})
_JS_OFF, _JS_ONLY = frozenset({"skip", "todo", "fixme", "skipIf"}), "only"
_GO_TEST = re.compile(r"^func\s+((?:Test|Fuzz|Benchmark|Example)\w*)\s*\(", re.MULTILINE)
_GO_SKIP = re.compile(r"\b[tbf]\.Skip(?:f|Now)?\s*\(")
_GO_FAILS = re.compile(r"\b[tbf]\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(")
_GO_IF = re.compile(r"\bif\b([^{}\n]{0,400})\{")
_JAVA_TEST = re.compile(r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b")
_JAVA_NAME = re.compile(r"\b(?:void|fun|def)\s+(`[^`\n]*`|\w+)\s*\(")
_JAVA_SKIP = re.compile(
    r"@(?:Disabled\w*|Ignore)\b|\benabled\s*=\s*false|\b(?:assumeTrue|assumeFalse|assumeThat|abort)\s*\("
)
_RUST_TEST = re.compile(r"#\[(?:\w+::)*(?:test|rstest|test_case)\b[^\]\n]{0,200}\]")
_RUST_SKIP = re.compile(r"#\[ignore\b[^\]\n]{0,200}\]")
_RUST_NAME = re.compile(r"\bfn\s+(\w+)")
_CALL = re.compile(r"(?<![\w$])([A-Za-z_$][\w$]*(?:\s*\.\s*[A-Za-z_$][\w$]*)*)(!?)\s*\(")
_CHAINED = re.compile(r"\s*\.\s*([A-Za-z_$][\w$]*)\s*(\(?)")
_LITERAL = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|(?<![\w$])-?\d[\w.]*")
_HEADS = frozenset({"expect", "assertThat", "verify", "should", "chai.expect", "Assertions.assertThat", "then"})
_ALWAYS = re.compile(r"(?:expect|assertThat)\((true|1)\)\.(?:toBe|toEqual|toBeTruthy|isTrue|isEqualTo)\((?:\1)?\)")
_ALWAYS_CALL = re.compile(r"(?:\w+\.)*(?:assert|assertTrue|True|ok)!?\((?:t,)?true[,)]")
_LINKS_AT_MOST, _ARGUMENTS_AT_MOST = 20, 5_000  # of one expectation, in links and in characters
_FAMILY = {"typescript": "javascript", "tsx": "javascript", "kotlin": "java"}


def read(text: str, language: str) -> Units:
    """Read every test; of two with one name the second gets a number, so that neither hides the other."""
    family = _FAMILY.get(language, language)
    masked = mask(text, family)
    found: Units = {}
    for unit in _READERS[family](masked):
        name, again = unit.name, 2
        while name in found:
            name, again = f"{unit.name} #{again}", again + 1
        found[name] = replace(unit, name=name)
    return found


def _javascript(masked: Masked) -> Iterator[Unit]:
    groups: list[tuple[int, str, bool]] = []
    for match in _JS_TEST.finditer(masked.code):
        while groups and groups[-1][0] <= match.start():
            groups.pop()
        opening = _js_arguments(masked, match)
        start, end = masked.inside(opening)
        title = _title(masked, start, end)
        words = frozenset(match[2].split("."))
        off = match[1].startswith("x") or bool(words & _JS_OFF) or any(group[2] for group in groups)
        if match[1] in _JS_GROUPS:
            groups.append((end, title, off))
            continue
        name = " > ".join([*(group[1] for group in groups), title])
        mark = masked.words(match.start(), opening)
        skips = [Skip(mark, masked.line(match.start()), always=True)] if off else []
        skips += [
            Skip(masked.words(*found.span()), masked.line(found.start()), always=False)
            for found in _JS_SKIP.finditer(masked.code, start, end)
        ]
        yield _unit(masked, "javascript", name, (match.start(), start, end), tuple(skips))


def _js_arguments(masked: Masked, match: re.Match[str]) -> int:
    """Find the bracket with the title: the second one of `it.each(table)(title, ...)`."""
    if match[2].endswith(".each"):
        first = masked.ends.get(match.end(), match.end()) if masked.code[match.end()] == "(" else match.end()
        second = masked.code.find("(", first)
        return second if second >= 0 else match.end()
    return match.end()


def _title(masked: Masked, start: int, end: int) -> str:
    found = re.match(r"\s*([\"'`])", masked.code[start : min(end, start + 500)])
    if not found:
        return masked.words(start, min(end, start + 40))
    first = start + found.end()
    last = masked.code.find(found[1], first)
    return masked.text[first : last if 0 <= last <= end else end][:120]


def only_marks(text: str) -> list[tuple[str, int]]:
    """List the marks that keep every other test of the file from running, with their lines."""
    masked = mask(text, "javascript")
    marks = [match for match in _JS_TEST.finditer(masked.code) if _is_only(match)]
    return [(masked.words(*match.span()), masked.line(match.start())) for match in marks]


def _is_only(match: re.Match[str]) -> bool:
    return match[1] in {"fit", "fdescribe"} or _JS_ONLY in match[2].split(".")


def _go(masked: Masked) -> Iterator[Unit]:
    ignored = re.search(r"^//(?:go:build|\s*\+build)\s+(?:ignore|never|disabled?)\b", masked.text, re.MULTILINE)
    off = (Skip(ignored[0], masked.line(ignored.start()), always=True),) if ignored else ()
    for match in _GO_TEST.finditer(masked.code):
        start, end = masked.inside(_body(masked, match.end() - 1))
        skips = (
            Skip(masked.words(*one.span()), masked.line(one.start()), _first(masked, start, one.start()))
            for one in _GO_SKIP.finditer(masked.code, start, end)
        )
        unit = _unit(masked, "go", match[1], (match.start(), start, end), (*off, *skips))
        yield replace(unit, checks=(*unit.checks, *_go_failures(masked, start, end)))


def _first(masked: Masked, start: int, at: int) -> bool:
    """Say whether no block opens before this offset: a skip that every run reaches."""
    return "{" not in masked.code[start:at]


def _go_failures(masked: Masked, start: int, end: int) -> Iterator[Check]:
    conditions = [(match.end() - 1, match[1]) for match in _GO_IF.finditer(masked.code, start, end)]
    spans = [(at, masked.ends.get(at, end), masked.words(at - len(text), at)) for at, text in conditions]
    for match in _GO_FAILS.finditer(masked.code, start, end):
        around = [text for at, last, text in spans if at < match.start() < last]
        text = around[-1] if around else masked.words(match.start(), match.end())
        condition = text.rpartition(";")[2]
        weak = re.search(r"[=!]=(?:nil|\"\"|0)$", condition)
        subject = re.split(r"[=!<>]=?", condition)[0]
        strength = Strength.PRESENCE if weak else Strength.VALUE if "!=" in condition else Strength.RANGE
        yield Check(text, _LITERAL.sub("_", text), subject, strength, masked.line(match.start()))


def _java(masked: Masked) -> Iterator[Unit]:
    off = _class_off(masked)
    for match in _JAVA_TEST.finditer(masked.code):
        yield from _annotated(masked, "java", match, _JAVA_NAME, off)


def _class_off(masked: Masked) -> tuple[Skip, ...]:
    head = re.search(r"\b(?:class|object)\b", masked.code)
    found = _JAVA_SKIP.search(masked.code, 0, head.start()) if head else None
    return (Skip(masked.words(*found.span()), masked.line(found.start()), always=True),) if found else ()


def _rust(masked: Masked) -> Iterator[Unit]:
    for match in _RUST_TEST.finditer(masked.code):
        yield from _annotated(masked, "rust", match, _RUST_NAME, ())


def _annotated(
    masked: Masked, language: str, match: re.Match[str], named: re.Pattern[str], off: tuple[Skip, ...]
) -> Iterator[Unit]:
    name = named.search(masked.code, match.end(), match.end() + 2000)
    if not name:
        return
    opening = _body(masked, masked.code.find("(", name.start()))
    start, end = masked.inside(opening)
    head = (
        max(
            masked.code.rfind("}", 0, match.start()),
            masked.code.rfind("{", 0, match.start()),
            masked.code.rfind(";", 0, match.start()),
        )
        + 1
    )
    marks = _JAVA_SKIP if language == "java" else _RUST_SKIP
    above = [
        Skip(masked.words(*one.span()), masked.line(one.start()), always=True)
        for one in marks.finditer(masked.code, head, opening)
    ]
    within = [
        Skip(masked.words(*one.span()), masked.line(one.start()), always=False)
        for one in marks.finditer(masked.code, start, end)
    ]
    yield _unit(masked, language, name[1], (match.start(), start, end), (*off, *above, *within))


def _body(masked: Masked, parenthesis: int) -> int:
    """Find the brace that opens the body after a parameter list."""
    after = masked.ends.get(parenthesis, parenthesis)
    brace = masked.code.find("{", after)
    return brace if brace >= 0 else len(masked.code)


def _unit(masked: Masked, language: str, name: str, place: tuple[int, int, int], skips: tuple[Skip, ...]) -> Unit:
    at, start, end = place
    checks: list[Check] = []
    calls: set[str] = set()
    for match in _CALL.finditer(masked.code, start, end):
        called = re.sub(r"\s", "", match[1])
        calls.add(called)
        if check := _check(masked, language, called, match):
            checks.append(check)
    return Unit(name, masked.line(at), is_test=True, checks=tuple(checks), calls=frozenset(calls), skips=skips)


def _check(masked: Masked, language: str, called: str, match: re.Match[str]) -> Check | None:
    opening = match.end() - 1
    end = masked.ends.get(opening, len(masked.text))
    last = called.rpartition(".")[2]
    if called in _HEADS:
        return _chain(masked, language, match.start(), (opening, end))
    prefix = called.partition(".")[0]
    kind = strength_of(language, last) if language != "go" or prefix in {"assert", "require", "is", "qt"} else None
    asserting = last.startswith("assert") or prefix in {
        "assert",
        "require",
        "t",
        "chai",
        "Assertions",
        "Assert",
        "is",
        "qt",
    }
    if kind is None or not asserting:
        return None
    text = masked.words(match.start(), end)
    subject = _subject(language, last, _arguments(masked, opening, end))
    strength = Strength.NOTHING if _ALWAYS_CALL.match(text) else kind
    return Check(text, _LITERAL.sub("_", text), subject, strength, masked.line(match.start()))


def _chain(masked: Masked, language: str, start: int, bracket: tuple[int, int]) -> Check | None:
    """Read `expect(subject).not.matcher(value)` to its end; a chain without a matcher checks nothing."""
    names: list[str] = []
    end = at = bracket[1]
    while len(names) < _LINKS_AT_MOST and (step := _CHAINED.match(masked.code, at)):
        names.append(step[1])
        end = at = masked.ends.get(step.end() - 1, step.end()) if step[2] else step.end()
    subject = masked.words(bracket[0] + 1, bracket[1] - 1)
    text = masked.words(start, end)
    known = [strength for name in names if (strength := strength_of(language, name)) is not None]
    if not names:
        return None
    strength = max(known, default=Strength.RANGE)
    if "not" in names or "isNotEqualTo" in names:
        strength = Strength.PRESENCE if strength is Strength.VALUE else strength
    if _ALWAYS.match(text):
        strength = Strength.NOTHING
    return Check(text, _LITERAL.sub("_", text), subject, strength, masked.line(start), _precision(names[-1], text))


def _precision(matcher: str, text: str) -> float:
    """Turn the last number of a tolerance or a bound into slack: more is looser."""
    number = re.search(r"(-?\d+(?:\.\d+)?)\)$", text)
    if number is None:
        return 0.0
    value = float(number[1][:30])
    if matcher == "toBeCloseTo":
        return -value
    return value if "Less" in matcher else -value if "Greater" in matcher else 0.0


def _arguments(masked: Masked, opening: int, end: int) -> list[str]:
    found, at, first = [], opening + 1, opening + 1
    end = min(end, opening + _ARGUMENTS_AT_MOST)
    while at < end - 1:
        character = masked.code[at]
        if character in "([{":
            at = masked.ends.get(at, end)
            continue
        if character == ",":
            found.append(masked.words(first, at))
            first = at + 1
        at += 1
    return [*found, masked.words(first, max(first, end - 1))]


def _subject(language: str, name: str, arguments: list[str]) -> str:
    """Choose the argument that is looked at: the actual value stands second in Java's and Go's order."""
    if language == "go":
        return (arguments[2] if len(arguments) > 2 else arguments[-1]) if arguments else ""  # noqa: PLR2004  # t, want, got
    both = len(arguments) > 1 and name not in {"assertTrue", "assertFalse", "assertNotNull", "assertNull"}
    return arguments[1 if both and language == "java" else 0] if arguments else ""


_READERS = {"javascript": _javascript, "go": _go, "java": _java, "rust": _rust}
LANGUAGES = frozenset({*_READERS, *_FAMILY})
