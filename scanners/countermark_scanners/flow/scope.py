"""Where the analysis stands: the file, the function, the state, and the engine that knows how to go on.

Layer: scanners. Imports `model`, `state`, `values` and `findings`; does no I/O.
Trust: everything a scope leads to describes hostile code; depths and counts are bounded here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .model import Model
from .state import READ, Budget, Obj, State, join_objects, join_states
from .values import NO_TAINT, NONE, UNKNOWN, Function, Key, Ref, Taints, Value, join_all, join_taints

if TYPE_CHECKING:
    from .findings import Findings
    from .modules import Files
    from .subjects import Subject

    Verdict = list[tuple[Subject, frozenset[str]]]

ANYTHING = "anything()"  # the place of a value that may be more functions than are told apart
MAX_DEEP = 4  # levels of parts of parts that are searched for untrusted data


@dataclass(frozen=True, slots=True)
class Precision:
    """How closely a file is looked at. What is not looked into is summarised, which keeps all untrusted data.

    `calls` is how many calls inside of calls are followed, `followed` how many from one entry, `alternatives` how many
    things one value may be before they are taken for one, `steps` what all of it may take.
    """

    calls: int
    followed: int
    alternatives: int
    steps: int


PRECISIONS = (
    Precision(calls=7, followed=250, alternatives=64, steps=500_000),
    Precision(calls=2, followed=24, alternatives=16, steps=700_000),
    Precision(calls=1, followed=0, alternatives=8, steps=3_000_000),
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call is given. `rest` is what a star may hold, `others` what two stars may."""

    positional: tuple[Value, ...] = ()
    keywords: Mapping[str, Value] = field(default_factory=dict)
    rest: Value | None = None
    others: Value | None = None

    def get(self, position: int, *names: str) -> Value | None:
        """Return an argument by its place or one of its names."""
        if 0 <= position < len(self.positional):
            return self.positional[position]
        found = next((self.keywords[name] for name in names if name in self.keywords), None)
        if found is None and self.rest is not None and position >= len(self.positional):
            return self.rest
        return self.others if found is None and names else found

    def each(self) -> list[Value]:
        """List every argument."""
        more = [one for one in (self.rest, self.others) if one is not None]
        return [*self.positional, *self.keywords.values(), *more]


class Engine(Protocol):
    """What the parts of the analysis ask of one another."""

    def value(self, node: ast.AST, scope: Scope) -> Value:
        """Say what an expression may be, and note its effects in the state."""

    def body(self, statements: Sequence[ast.stmt], scope: Scope) -> None:
        """Run statements."""

    def call(self, callee: Value, arguments: Arguments, node: ast.AST, scope: Scope) -> Value:
        """Call a value."""

    def method(self, receiver: Value, name: str, arguments: Arguments, node: ast.AST, scope: Scope) -> Value:
        """Call a method of a value by its name."""

    def attribute(self, receiver: Value, name: str, node: ast.AST, scope: Scope) -> Value:
        """Read an attribute."""

    def element(self, receiver: Value, index: Value, node: ast.AST, scope: Scope) -> Value:
        """Read an element."""

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target."""

    def imported(self, name: str, level: int, scope: Scope) -> Value | None:
        """Return a module of the change, run; None when it is not among the files."""

    def summary(self, function: Function, scope: Scope) -> Summary:
        """Return what a function does with its parameters, whoever calls it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How a function is reached: by requests or from a command line, on which route, and what its answer becomes."""

    kind: str
    route: str = ""
    html: bool = False
    sure: int = 2

    @property
    def fixed(self) -> bool:
        """Say whether the whole path of the route is known text."""
        return bool(self.route) and not any(mark in self.route for mark in "<{:*(")

    def converted(self, name: str) -> bool:
        """Say whether the route lets only numbers or UUIDs through under this name."""
        return re.search(rf"<(int|float|uuid):{name}>|\{{{name}:(int|float|uuid)\}}", self.route) is not None


@dataclass(slots=True)
class Summary:
    """What a function gives back, and which rules its parameters reach: parameter -> (rule, line, place)."""

    returned: Value = UNKNOWN
    reaches: dict[str, list[tuple[str, int, str]]] = field(default_factory=dict)


@dataclass(slots=True)
class Module:
    """A file of the change: its path, its tree and the number of its frame. Only the file asked about is `asked`."""

    path: str
    tree: ast.Module
    frame: int
    asked: bool
    stars: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Analysis:
    """Everything about one question that is not the state."""

    model: Model
    budget: Budget
    engine: Engine
    findings: Findings
    path: str
    beside: Mapping[str, bytes]
    files: Files
    numbers: dict[tuple[object, ...], int] = field(default_factory=dict)
    modules: dict[str, Module | None] = field(default_factory=dict)
    frames: dict[int, Module] = field(default_factory=dict)
    active: list[ast.AST] = field(default_factory=list)
    summaries: dict[int, Summary] = field(default_factory=dict)
    functions: dict[Function, None] = field(default_factory=dict)
    classes: dict[int, None] = field(default_factory=dict)
    handlers: dict[ast.AST, Entry] = field(default_factory=dict)
    dotted: dict[str, int] = field(default_factory=dict)
    kept: list[ast.AST] = field(default_factory=list)  # trees of texts that are run: nodes are known by identity
    joined: dict[int, set[int]] = field(default_factory=dict)  # objects that stand for others
    looked_into: int = 0
    precision: Precision = PRECISIONS[0]

    def number(self, *key: object) -> int:
        """Number an object by where it is made; the same place has the same number."""
        return self.numbers.setdefault(key, len(self.numbers) + 1)


@dataclass(slots=True)
class Loop:
    """The states that leave a loop's body early."""

    broken: list[State] = field(default_factory=list)
    continued: list[State] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """One activation of one function, or of a module's body."""

    analysis: Analysis
    state: State
    frame: int
    module: Module
    context: tuple[object, ...] = ()
    function: Function | None = None
    site: int | None = None  # the line in the file asked about where the call into another file stands
    fixed_route: bool = False
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    returned: list[tuple[Value, State, ast.expr | None]] = field(default_factory=list)
    yielded: list[Value] = field(default_factory=list)
    raised: list[list[State]] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    class_frame: bool = False
    watched: set[str] = field(default_factory=set)
    seen: dict[int, Value] = field(default_factory=dict)  # operands of tests and arguments of methods, as last computed
    tests: dict[tuple[int, str], tuple[ast.expr, Value]] = field(default_factory=dict)
    verdicts: dict[int, tuple[Verdict, Verdict]] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        """The analysis' engine."""
        return self.analysis.engine

    @property
    def model(self) -> Model:
        """The analysis' tables."""
        return self.analysis.model

    def line(self, node: ast.AST) -> int:
        """Return the line in the file asked about: that of the node, or of the call that led away from the file."""
        if self.module.asked:
            return getattr(node, "lineno", 1)
        return self.site if self.site is not None else 1

    def allocate(self, node: ast.AST, made: Obj, *more: object) -> Value:
        """Make an object at this place of the program."""
        number = self.analysis.number(id(node), self.context, *more)
        self.state.put(number, made)
        return Value(refs=frozenset([number]))

    def objects(self, value: Value) -> list[tuple[int, Obj]]:
        """List the objects a value may be, in a stable order."""
        if not value.refs:
            return []
        numbers = sorted(one for one in value.refs if isinstance(one, int))
        return [(number, found) for number in numbers if (found := self.state.read(number)) is not None]

    def deep(self, value: Value) -> Taints:
        """Unite the untrusted origins of a value and of everything in it."""
        return self._deep(value, MAX_DEEP, set())

    def _deep(self, value: Value, levels: int, seen: set[int]) -> Taints:
        found = value.taint
        if not value.refs or not levels:
            return found
        for number, thing in self.objects(value):
            if number in seen or thing.kind in {"frame", "module", "class"}:
                continue
            seen.add(number)
            self.analysis.budget.spend(1 + len(thing.fields))
            for part in [*thing.fields.values(), *([thing.rest] if thing.rest is not None else [])]:
                if part.taint or part.refs:
                    found = join_taints(found, self._deep(part, levels - 1, seen))
        return found

    def deep_all(self, values: Sequence[Value]) -> Taints:
        """Unite the origins of several values."""
        found = NO_TAINT
        for one in values:
            if one.taint or one.refs:
                found = join_taints(found, self.deep(one))
        return found

    def result(self) -> Value:
        """Join what the function returned, and continue where all its returns meet; the state is then set."""
        ends = list(self.returned)
        if not self.state.dead:
            ends.append((NONE, self.state, None))
        if not ends:
            return UNKNOWN  # it never returns: the state stays dead
        state = ends[0][1]
        for _, other, _ in ends[1:]:
            state = join_states(state, other)
        self.state = state
        return join_all(value for value, _, _ in ends)

    def few(self, value: Value) -> Value:
        """Return a value that is no more than a few things: objects of a kind become one, many functions any."""
        most = self.analysis.precision.alternatives
        if len(value.refs) <= most:
            return value
        groups: dict[tuple[object, ...], list[int]] = {}
        for number, thing in self.objects(value):
            groups.setdefault((thing.kind, thing.made_of), []).append(number)
        kept: list[Ref] = [self._as_one(key, numbers) for key, numbers in groups.items()]
        functions = [one for one in value.refs if not isinstance(one, int)]
        names = value.names if len(functions) <= most else value.names | {ANYTHING}
        refs = frozenset([*kept, *(functions if len(functions) <= most else [])])
        return Value(value.known, value.taint, names, refs, value.pieces, value.about)

    def _as_one(self, key: tuple[object, ...], numbers: list[int]) -> int:
        """Join objects of a kind into the one that stands for them; modules, frames and classes stay."""
        if len(numbers) == 1:
            return numbers[0]
        whole = self.analysis.number("joined", *key)
        self.analysis.budget.spend(len(numbers))
        self.analysis.joined.setdefault(whole, set()).update(one for one in numbers if one != whole)
        for number in numbers:
            thing, joined = self.state.read(number), self.state.read(whole)
            if thing is not None and number != whole:
                made = thing.copy() if joined is None else join_objects(joined, thing)
                self.state.put(whole, made)
        return whole

    def lookup(self, name: str) -> tuple[int, Value] | None:
        """Find a variable: the frame that holds it, and its value."""
        number: int | None = self.module.frame if name in self.globals else self.frame
        first = True
        while number is not None:
            frame = self.state.read(number)
            if frame is None:
                return None
            if name in frame.fields and (first or frame.kind != "class") and not (first and name in self.nonlocals):
                return number, frame.fields[name]
            number, first = frame.parent, False
        return None

    def forget(self, name: str) -> None:
        """Forget what tests told about expressions that begin with this variable: it is another one now."""
        frame = self.state.read(self.frame)
        gone = [key for key in frame.fields if isinstance(key, tuple) and key[:2] == (READ, name)] if frame else []
        for key in gone:
            self.state.write(self.frame).fields.pop(key, None)

    def bind(self, name: Key, value: Value) -> None:
        """Overwrite a variable where the language would."""
        if name in self.watched and isinstance(name, str):
            self.forget(name)
        frame = self.frame
        if value.refs:
            value = self.few(value)
        if isinstance(name, str) and name in self.globals:
            frame = self.module.frame
        elif isinstance(name, str) and name in self.nonlocals:
            found = self.lookup(name)
            frame = frame if found is None else found[0]
        self.state.set(frame, name, value)
