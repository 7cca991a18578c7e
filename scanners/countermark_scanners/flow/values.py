"""What the analysis knows of a value: constants, untrusted origins, the names of the API and the code it may be.

Layer: scanners. Imports `errors`; does no I/O.
Trust: values describe hostile code, they never are its objects. Every set in a value has an upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ..errors import Unreadable

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable
    from types import EllipsisType

Part = TypeVar("Part")
Constant: TypeAlias = "str | bytes | int | float | complex | bool | None"
Key: TypeAlias = "Constant | tuple[str, ...]"

MAX_KNOWN = 6  # constants one value may be, before it is just unknown
MAX_ORIGINS = 8
MAX_ALTERNATIVES = 4096  # names or objects one value may be, before the file is not read
MAX_STEPS = 6
MAX_PIECES = 24

REMOTE, LOCAL, PARAMETER, RANDOM, ERROR = "remote", "local", "parameter", "random", "error"
FIXED = "fixed"  # the program's own, though the text of it is not known: the path of a fixed route


@dataclass(frozen=True, slots=True)
class Taint:
    """One untrusted origin of a value.

    `kind` says who controls it; `sure` counts down from 2 with every step nobody could look into. `facts` are what
    was done against it: `clean:<flaw>`, `no:<text>` (text it can't contain) and the names of guards. `here` tells that
    it stands in the file asked about. `steps` are the lines it went through, for the reader only.
    """

    kind: str
    label: str
    line: int
    sure: int = 2
    facts: frozenset[str] = frozenset()
    here: bool = True
    steps: tuple[str, ...] = field(default=(), compare=False)


Taints: TypeAlias = "frozenset[Taint]"
Piece: TypeAlias = "str | Taints"
NO_TAINT: Taints = frozenset()


@dataclass(frozen=True, slots=True)
class Function:
    """A function or lambda of the change, with the frame that surrounds it and the class it was made in."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    frame: int
    module: int
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A function that was taken from a value: `receiver.name`, or `function` with its first argument given."""

    receiver: Value
    name: str
    function: Function | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """A callable with some of its arguments given."""

    callee: Value
    arguments: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]


Ref: TypeAlias = "int | Function | Method | Partial"


@dataclass(frozen=True, slots=True)
class Value:
    """What one expression may be.

    `known` lists all it can be, or is None. `pieces` is the text it was built from, known text and unknown parts in
    order. `names` are places in the API (`sqlite3.connect().cursor`), `refs` objects, functions and classes of the
    change. `about` names the variable it was computed from (object, part, its value then, how), so that a test of
    this value is a test of that variable.
    """

    known: tuple[Constant, ...] | None = None
    taint: Taints = NO_TAINT
    names: frozenset[str] = frozenset()
    refs: frozenset[Ref] = frozenset()
    pieces: tuple[Piece, ...] | None = None
    about: tuple[int, Key, Value, str] | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> tuple[Piece, ...]:
        """The value as pieces of text."""
        if self.pieces is not None:
            return self.pieces
        if self.known is not None and len(self.known) == 1 and isinstance(self.known[0], str):
            return (self.known[0],)
        return (self.taint,)

    def single(self) -> Constant | EllipsisType:
        """Return the one constant this is, or `...`."""
        return self.known[0] if self.known is not None and len(self.known) == 1 else ...

    def truth(self) -> bool | None:
        """Say whether this is true, false, or can't be told."""
        if self.known is None:
            return None
        found = {bool(one) for one in self.known}
        return found.pop() if len(found) == 1 else None


UNKNOWN = Value()
NONE = Value(known=(None,))


def constant(*known: Constant) -> Value:
    """Make a value that is one of these constants."""
    return Value(known=_distinct(known))


def tainted(taint: Taints) -> Value:
    """Make a value of which only the origins are known."""
    return Value(taint=taint) if taint else UNKNOWN


def named(*names: str) -> Value:
    """Make a value that is this place of the API."""
    return Value(names=frozenset(names))


def referring(*refs: Ref) -> Value:
    """Make a value that is one of these objects."""
    return Value(refs=frozenset(refs))


def join(left: Value, right: Value) -> Value:
    """Return what a value is that is either; the same object where nothing is lost by it."""
    if left is right:
        return left
    about = left.about if left.about == right.about else None
    if left == right:
        return left if left.about is about else replace(left, about=about)
    known: tuple[Constant, ...] | None = None
    if left.known is not None and right.known is not None:
        known = _distinct((*left.known, *right.known))
    joined = Value(
        known,
        join_taints(left.taint, right.taint),
        _bounded(left.names | right.names),
        _bounded(left.refs | right.refs),
        left.pieces if left.pieces == right.pieces else _joined_pieces(left, right),
        about,
    )
    for one in (left, right):
        if one == joined and one.about == about:
            return one
    return joined


def join_all(values: Iterable[Value]) -> Value:
    """Return what a value is that is any of these; unknown when there is none."""
    found: Value | None = None
    for one in values:
        found = one if found is None else join(found, one)
    return UNKNOWN if found is None else found


def _joined_pieces(left: Value, right: Value) -> tuple[Piece, ...] | None:
    """Keep the shape that matters: of two texts, the first text built with an untrusted part."""
    if not left.taint:
        return right.pieces if right.taint and left.known is not None else None
    if not right.taint:
        return left.pieces if right.known is not None else None
    return None


def _distinct(known: tuple[Constant, ...]) -> tuple[Constant, ...] | None:
    found = {(type(one), one): one for one in known}
    return tuple(found.values()) if len(found) <= MAX_KNOWN else None


def _bounded(alternatives: frozenset[Part]) -> frozenset[Part]:
    if len(alternatives) > MAX_ALTERNATIVES:
        raise Unreadable(f"a value that may be more than {MAX_ALTERNATIVES} things")
    return alternatives


def join_taints(left: Taints, right: Taints) -> Taints:
    """Unite origins. Of one origin only what holds on every way is kept; too many of a kind become one."""
    if not right or left == right:
        return left
    if not left:
        return right
    both = left | right
    if len(both) > 1:
        both = _weakest(both)
    if len(both) <= MAX_ORIGINS:
        return both
    found: dict[tuple[str, bool], Taint] = {}
    for one in sorted(both, key=_order):
        first = found.setdefault((one.kind, one.here), one)
        found[one.kind, one.here] = replace(first, facts=first.facts & one.facts, sure=max(first.sure, one.sure))
    return frozenset(found.values())


def _order(taint: Taint) -> tuple[int, str, int, list[str]]:
    return taint.line, taint.label, -taint.sure, sorted(taint.facts)


def _weakest(both: Taints) -> Taints:
    """Drop origins that are there once more with less done against them."""
    by_place: dict[tuple[str, int, str, bool], list[Taint]] = {}
    for one in both:
        by_place.setdefault((one.kind, one.line, one.label, one.here), []).append(one)
    if len(by_place) == len(both):
        return both
    kept: list[Taint] = []
    for same in by_place.values():
        for one in same:
            dominated = any(
                other is not one and other.facts <= one.facts and other.sure >= one.sure and other != one
                for other in same
            )
            if not dominated:
                kept.append(one)
    return frozenset(kept)


def with_fact(taint: Taints, *facts: str) -> Taints:
    """Add facts to every origin."""
    return frozenset([one if one.facts.issuperset(facts) else _added(one, facts) for one in taint])


def _added(taint: Taint, facts: tuple[str, ...]) -> Taint:
    return Taint(taint.kind, taint.label, taint.line, taint.sure, taint.facts.union(facts), taint.here, taint.steps)


def decoded(taint: Taints) -> Taints:
    """Forget what was known of the text, and every escape: it was decoded."""
    return frozenset([replace(one, facts=frozenset()) if one.facts else one for one in taint])


def less_sure(taint: Taints) -> Taints:
    """Count one step that nobody could look into."""
    return frozenset([replace(one, sure=max(one.sure - 1, 0)) for one in taint])


def stepped(taint: Taints, step: str) -> Taints:
    """Note a line on the way, for the reader."""
    return frozenset([one if _noted(one, step) else replace(one, steps=(*one.steps, step)) for one in taint])


def _noted(taint: Taint, step: str) -> bool:
    return len(taint.steps) >= MAX_STEPS or (bool(taint.steps) and taint.steps[-1] == step)
