"""Whether a call or a store is dangerous with what it is given.

Layer: scanners. Imports `scope`, `values`, `text`, `findings` and `model`; does no I/O.
Trust: the tables decide; what an argument may be is hostile, and a condition that can't be told counts as met.
"""

from __future__ import annotations

import ast
import re

from .findings import Place
from .model import Sink
from .scope import Arguments, Scope
from .shapes import SHAPES
from .values import (
    LOCAL,
    NO_TAINT,
    RANDOM,
    REMOTE,
    Taints,
    Value,
    join_taints,
)

_SECRET = re.compile(
    r"(^|[_\W])(token|secret|secrets|passw(or)?d|passphrase|pwd|otp|nonce|salt|csrf|xsrf|session|sessionid|sid|api_?key|"
    r"auth|credential|cookie|remember|captcha|private_?key|signing_?key|secret_?key|reset_?code|verification|invite|"
    r"activation|pin_?code|one_?time)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_secret(name: str) -> bool:
    """Say whether a name is one for something that must not be guessed."""
    return _SECRET.search(_CAMEL.sub("_", name)) is not None


def by_place(place: str, receiver: Value | None, given: Arguments, node: ast.AST, scope: Scope) -> bool | None:
    """Check a call of a place; None when it is no sink, else whether its result keeps what it was given."""
    found: bool | None = None
    for sink in scope.model.sinks.get(place, ()):
        kept = _check(sink, receiver, given, node, scope)
        found = bool(found) or (sink.keeps and kept)
    return found


def by_method(name: str, receiver: Value, given: Arguments, node: ast.AST, scope: Scope) -> None:
    """Check a call of a method of something unknown."""
    for sink in scope.model.methods.get(name, ()):
        _check(sink, receiver, given, node, scope)


def _check(sink: Sink, receiver: Value | None, given: Arguments, node: ast.AST, scope: Scope) -> bool:
    if not _holds(sink, given, scope):
        return True
    if sink.always:
        state(sink, node, scope)
        return True
    dangerous = _dangerous(sink, receiver, given)
    if sink.matches:
        for one in dangerous:
            if any(re.search(sink.matches, word) for word in words(one)):
                state(sink, node, scope)
        return True
    _check_values(sink, dangerous, given, node, scope)
    return True


def _check_values(sink: Sink, dangerous: list[Value], given: Arguments, node: ast.AST, scope: Scope) -> None:
    flaw = str(scope.model.rules[sink.rule].data["flaw"])
    taint: Taints = NO_TAINT
    shape = SHAPES.get(sink.shape)
    for one in dangerous:
        found = frozenset(
            each for each in scope.deep(one) if each.kind in sink.kinds and not is_clean(each.facts, flaw)
        )
        if sink.built and not _is_built(one):
            continue
        if shape is not None and found:
            found = shape(found, one, given, node, scope)
        taint = join_taints(taint, escaped(flaw, found, one))
    known = all(_is_known(one, flaw, scope) for one in dangerous)
    if dangerous and scope.module.asked and (taint or not known):
        scope.analysis.findings.doubt(sink.rule, place_of(called(node), node, scope))
    if taint:
        report(sink.rule, taint, called(node), node, scope, confidence=sink.confidence, severity=sink.severity)
    elif sink.any and dangerous and any(one.known is None and not scope.deep(one) for one in dangerous):
        state(sink, node, scope, confidence="low", severity="medium")
    elif dangerous and scope.module.asked and known:
        scope.analysis.findings.clear(sink.rule, place_of(called(node), node, scope))


def _is_known(value: Value, flaw: str, scope: Scope) -> bool:
    """Say whether nothing of a value is unknown: constants, and others' data that can't do this harm any more."""
    if value.known is not None:
        return True
    if value.pieces is not None and not all(value.pieces):
        return False  # a part of the text is unknown
    origins = scope.deep(value)
    left = frozenset(one for one in origins if not is_clean(one.facts, flaw))
    return bool(origins) and not escaped(flaw, left, value)


def is_clean(facts: frozenset[str], flaw: str) -> bool:
    """Say whether these facts make data harmless for a flaw; harmless text is still somebody else's."""
    return f"clean:{flaw}" in facts or ("clean:every" in facts and flaw != "trust")


def _is_built(one: Value) -> bool:
    """Say whether text was put together from known text and something else."""
    return one.pieces is not None and any(isinstance(piece, str) and piece.strip() for piece in one.pieces)


def escaped(flaw: str, taint: Taints, value: Value) -> Taints:
    """Drop what can't get out of where it stands: quoted text without the quote, paths that can't climb."""
    if not taint:
        return taint
    check = _PLACES.get(flaw)
    return taint if check is None else frozenset(one for one in taint if not check(one.facts, value))


def _quoted(facts: frozenset[str], value: Value) -> bool:
    """The text right before each unknown part ends with a quote that the part can't contain."""
    quotes = {fact.partition(":")[2] for fact in facts if fact.startswith(("no:", "doubled:"))} & {"'", '"'}
    if not quotes or value.pieces is None:
        return False
    pieces = value.pieces
    holes = [at for at, one in enumerate(pieces) if not isinstance(one, str) and one]
    return all(at > 0 and isinstance(before := pieces[at - 1], str) and before[-1:] in quotes for at in holes)


def _literal(facts: frozenset[str], value: Value) -> bool:
    """The whole is one quoted text: it begins and ends with a quote and has none within."""
    del value
    return any({f"is:{quote}", f"ends:{quote}", f"inner:{quote}"} <= facts for quote in ("'", '"'))


def _below(facts: frozenset[str], value: Value) -> bool:
    """A part of a path that can't climb, below a folder that is given."""
    climbs = not facts & {"no:..", "no:../", "no:/"}
    return not climbs and value.pieces is not None and not _leads(value)


def _leads(value: Value) -> bool:
    first = value.pieces[0] if value.pieces else ""
    return not isinstance(first, str) and bool(first)


def _in_filter(facts: frozenset[str], value: Value) -> bool:
    del value
    return {"no:(", "no:)"} <= facts or {"no:*", "no:("} <= facts


def _one_line(facts: frozenset[str], value: Value) -> bool:
    del value
    return "no:\n" in facts


_PLACES = {
    "xpath": _quoted,
    "sql": _quoted,
    "code": _literal,
    "path": _below,
    "ldap": _in_filter,
    "header": _one_line,
    "log": _one_line,
}


def _dangerous(sink: Sink, receiver: Value | None, given: Arguments) -> list[Value]:
    if sink.receiver:
        return [] if receiver is None else [receiver]
    if "*" in sink.args:
        return given.each()
    positions = [one for one in sink.args if isinstance(one, int)]
    names = [one for one in sink.args if isinstance(one, str)]
    found = [given.positional[at] for at in positions if at < len(given.positional)]
    found += [given.keywords[name] for name in names if name in given.keywords]
    if given.rest is not None and any(at >= len(given.positional) for at in positions):
        found.append(given.rest)
    return [*found, given.others] if given.others is not None and not found else found


def _holds(sink: Sink, given: Arguments, scope: Scope) -> bool:
    """Say whether the other arguments make the call dangerous; those that can't be told don't make it safe."""
    for key, patterns in sink.unless.items():
        if any(pattern in word for word in _given_words(key, given) for pattern in patterns):
            return False
    del scope
    if not sink.when:
        return True
    return any(
        any(pattern == word or (pattern != "missing" and pattern in word) for pattern in patterns)
        for key, patterns in sink.when.items()
        for word in _given_words(key, given)
    )


def _given_words(key: str, given: Arguments) -> list[str]:
    position, _, name = key.rpartition(":")
    one = given.get(int(position) if position else -1, name)
    return ["missing"] if one is None else words(one)


def words(one: Value) -> list[str]:
    """Spell what a value may be: constants, the last names of places, or that it is unknown."""
    if one.known is not None:
        return [str(each).lower() for each in one.known]
    found = [".".join(name.lower().removesuffix("()").split(".")[-2:]) for name in sorted(one.names)]
    found += [name.lower().removesuffix("()").rpartition(".")[2] for name in sorted(one.names)]
    return found or ["?unknown"]


def called(node: ast.AST) -> str:
    """Name a call for the reader."""
    if not isinstance(node, ast.Call):
        return "it"
    names: list[str] = []
    inner: ast.expr = node.func
    while isinstance(inner, ast.Attribute) and len(names) < 3:  # noqa: PLR2004  # enough to know it by
        names.insert(0, inner.attr)
        inner = inner.value
    return ".".join([inner.id, *names] if isinstance(inner, ast.Name) else names) or "a call"


def place_of(name: str, node: ast.AST, scope: Scope) -> Place:
    """Return where a node stands in the file asked about."""
    column = getattr(node, "col_offset", 0) + 1 if scope.module.asked else 1
    return Place(scope.line(node), column, name)


def report(  # noqa: PLR0913  # a rule, whose data, what it reaches and where
    rule: str, taint: Taints, name: str, node: ast.AST, scope: Scope, *, confidence: str = "", severity: str = ""
) -> None:
    """Report data that reaches a place of this call."""
    if not scope.module.asked:
        taint = frozenset(one for one in taint if one.here)  # the rest is for the other file's own report
    if taint:
        scope.analysis.findings.report(
            rule, place_of(name, node, scope), taint, confidence=confidence, severity=severity
        )


def report_at(rule: str, taint: Taints, name: str, node: ast.AST, scope: Scope) -> None:
    """Report data that reaches a place inside of the function that is called here."""
    report(rule, taint, name, node, scope)


def state(sink: Sink, node: ast.AST, scope: Scope, *, confidence: str = "", severity: str = "") -> None:
    """Report a call that is dangerous by itself."""
    if scope.module.asked:
        scope.analysis.findings.state(
            sink.rule,
            place_of(called(node), node, scope),
            called(node),
            confidence=confidence or sink.confidence,
            severity=severity or sink.severity,
        )


def stated(rule: str, name: str, node: ast.AST, scope: Scope, *, confidence: str = "", severity: str = "") -> None:
    """Report something dangerous by its rule."""
    if scope.module.asked:
        scope.analysis.findings.state(rule, place_of(name, node, scope), name, confidence=confidence, severity=severity)


def predictable(taint: Taints, name: str, node: ast.AST, scope: Scope) -> None:
    """Report a secret made by a generator that can be predicted, where the generator is asked."""
    for one in taint:
        if one.kind == RANDOM and one.here:
            place = Place(one.line, 1, name)
            scope.analysis.findings.report("weak-random", place, [one])
    del node


def dynamic(given: Arguments, node: ast.AST, scope: Scope) -> None:
    """Report a call of something that can't be told from the text."""
    taint = scope.deep_all(given.each())
    untrusted = frozenset(one for one in taint if one.kind in {REMOTE, LOCAL})
    if untrusted:
        report("dynamic-code", untrusted, "a call that can't be followed", node, scope)
    else:
        stated("dynamic-code", "a call that can't be followed", node, scope, severity="medium")


def mass_assigned(name: str, given: Arguments, node: ast.AST, scope: Scope) -> None:
    """Check a record that is made with whatever fields were sent."""
    last = name.removesuffix("()").rpartition(".")[2]
    if given.others is not None and last[:1].isupper():
        taint = frozenset(one for one in given.others.taint if one.kind == REMOTE)
        if taint:
            report("mass-assignment", taint, last, node, scope)


def formatted(taint: Taints, node: ast.AST, scope: Scope) -> None:
    """Check a format that is not the program's own: it may show any part of what it is given."""
    remote = frozenset(one for one in taint if one.kind == REMOTE)
    if remote:
        report("format-string", remote, "format", node, scope)


def stored(place: str, index: Value, value: Value, node: ast.AST, scope: Scope) -> None:
    """Check what is stored under a place."""
    keys = frozenset(one for one in index.taint if one.kind == REMOTE)
    held = frozenset(one for one in scope.deep(value) if one.kind == REMOTE)
    if place.startswith("@session["):
        random = frozenset(one for one in value.taint if one.kind == RANDOM)
        if keys or held:
            report("trust-boundary", keys or held, "the session", node, scope, severity="medium" if keys else "")
        if random:
            predictable(random, "the session", node, scope)
    elif place in {"@response[]", "@response.headers[]"}:
        bad = frozenset(one for one in keys | held if not is_clean(one.facts, "header") and "no:\n" not in one.facts)
        if bad:
            report("header-injection", bad, "a header", node, scope)
    elif place == "@app.config[]" and index.single() == "WTF_CSRF_ENABLED" and value.truth() is False:
        stated("no-forgery-check", "WTF_CSRF_ENABLED", node, scope)


def returned(value: Value, node: ast.AST, scope: Scope) -> None:
    """Check what a handler of a framework that answers with pages returns."""
    parts = [value]
    for _, thing in scope.objects(value):
        if thing.kind != "list" or thing.size is None:
            return  # answered as data, not as a page
        parts = [thing.fields[0]] if thing.size else []
    for one in parts:
        if scope.objects(one) or _is_response(one):
            continue
        taint = frozenset(each for each in one.taint if not is_clean(each.facts, "xss"))
        remote = frozenset(each for each in taint if each.kind == REMOTE)
        if remote:
            report("cross-site-scripting", remote, "the page that is returned", node, scope)
        errors = frozenset(each for each in one.taint if each.kind == "error")
        if errors:
            report("exception-shown", errors, "the page that is returned", node, scope)


def _is_response(one: Value) -> bool:
    return "@response" in one.names
