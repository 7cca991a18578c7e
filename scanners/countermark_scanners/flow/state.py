"""What is known at one point of a program: every object and frame, and what their parts hold.

Layer: scanners. Imports `values` and `errors`; does no I/O.
Trust: sizes are bounded by the budget, which every copy is charged to.

A fork shares objects with its origin and copies one when it first writes to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import Unreadable
from .values import UNKNOWN, Function, Key, Method, Partial, Value, join, join_all

READ = "~read"  # marks what a test told about an expression that is read again: (READ, root, text)
MAX_FIELDS = 4096  # parts of one object that are told apart


@dataclass(slots=True)
class Budget:
    """How much work one file may ask for."""

    left: int

    def spend(self, steps: int = 1) -> None:
        """Charge some steps; raise `Unreadable` when there are none left."""
        self.left -= steps
        if self.left < 0:
            raise Unreadable("flow: more steps than one file may take")


@dataclass(slots=True)
class Obj:
    """A frame, module, class, instance or container.

    `fields` are the parts known by name, key or index; `rest` is what any other part may hold. `size` is the number of
    elements of a sequence whose order is known. `made_of` are the classes of an instance or the bases of a class.
    """

    kind: str
    fields: dict[Key, Value] = field(default_factory=dict)
    rest: Value | None = None
    size: int | None = None
    made_of: tuple[Value, ...] = ()
    parent: int | None = None

    def copy(self) -> Obj:
        """Copy the parts; values are immutable."""
        return Obj(self.kind, dict(self.fields), self.rest, self.size, self.made_of, self.parent)

    def ordered(self) -> list[Value] | None:
        """List the elements of a sequence; None when their order is not known."""
        return None if self.size is None else [self.fields.get(at, UNKNOWN) for at in range(self.size)]

    def any_part(self) -> Value:
        """Return what a part of unknown name may be."""
        parts = list(self.fields.values())
        return join_all(parts if self.rest is None else [*parts, self.rest])

    def blur(self) -> None:
        """Forget the order of a sequence: each element may be anywhere."""
        self.rest = self.any_part() if self.fields or self.rest is not None else None
        self.fields = {}
        self.size = None


@dataclass(slots=True)
class State:
    """All objects by number. A dead state is a point that is never reached."""

    budget: Budget
    objects: dict[int, Obj] = field(default_factory=dict)
    owned: set[int] = field(default_factory=set)
    dead: bool = False

    def branched(self) -> State:
        """Return a second state that starts out the same."""
        self.budget.spend(1 + len(self.objects) // 16)
        self.owned = set()
        return State(self.budget, dict(self.objects), set(), self.dead)

    def read(self, number: int) -> Obj | None:
        """Return an object to look at, never to write to."""
        return self.objects.get(number)

    def write(self, number: int) -> Obj:
        """Return an object to write to."""
        found = self.objects.get(number)
        if found is None:  # made on a path that this state did not take: nothing of it is known here
            found = self.objects[number] = Obj("unknown", rest=UNKNOWN)
            self.owned.add(number)
        if number not in self.owned:
            self.budget.spend(1 + len(found.fields) // 16)
            found = self.objects[number] = found.copy()
            self.owned.add(number)
        return found

    def put(self, number: int, made: Obj) -> None:
        """Make an object, or make it anew."""
        self.objects[number] = made
        self.owned.add(number)

    def set(self, number: int, key: Key, value: Value) -> None:
        """Overwrite one part of an object."""
        found = self.write(number)
        if len(found.fields) >= MAX_FIELDS and key not in found.fields and found.kind not in {"frame", "module"}:
            found.rest = value if found.rest is None else join(found.rest, value)
        else:
            found.fields[key] = value


def held(thing: Obj) -> list[int]:
    """List the numbers of the objects that the parts of an object lead to."""
    parts = [*thing.fields.values(), *thing.made_of, *([thing.rest] if thing.rest is not None else [])]
    found = [number for one in parts if one.refs for number in _numbers(one)]
    return found if thing.parent is None else [*found, thing.parent]


def _numbers(value: Value) -> list[int]:
    found: list[int] = []
    for one in value.refs:
        match one:
            case int():
                found.append(one)
            case Function(frame=frame):
                found.append(frame)
            case Method(receiver=receiver, function=function):
                found += [*_numbers(receiver), *([function.frame] if function is not None else [])]
            case Partial(callee=callee, arguments=arguments, keywords=keywords):
                found += [
                    number
                    for each in (callee, *arguments, *[kept for _, kept in keywords])
                    for number in _numbers(each)
                ]
    return found


def sequence(parts: Iterable[Value]) -> Obj:
    """Make a list whose elements are all known; of a very long one the order is forgotten."""
    fields: dict[Key, Value] = dict(enumerate(parts))
    made = Obj("list", fields, size=len(fields))
    if len(fields) > MAX_FIELDS:
        made.blur()
    return made


def keyed(parts: Mapping[str, Value]) -> dict[Key, Value]:
    """Make the parts of an object out of named values."""
    return dict(parts.items())


def join_states(left: State, right: State) -> State:
    """Return the state that holds after either; `left` is used up."""
    if left.dead:
        return right
    if right.dead:
        return left
    for number, theirs in right.objects.items():
        ours = left.objects.get(number)
        if ours is None:
            left.objects[number] = theirs
        elif ours is not theirs:
            left.budget.spend(1 + (len(ours.fields) + len(theirs.fields)) // 8)
            left.put(number, join_objects(ours, theirs))
    right.owned = set()
    return left


def join_objects(left: Obj, right: Obj) -> Obj:
    """Return an object that is either."""
    if left.size != right.size:
        left, right = left.copy(), right.copy()
        left.blur()
        right.blur()
    fields: dict[Key, Value] = {}
    for key in left.fields | right.fields:
        if isinstance(key, tuple) and key[0] == READ and not (key in left.fields and key in right.fields):
            continue  # what a test told about an expression holds only where it was tested
        mine, yours = left.fields.get(key, left.rest), right.fields.get(key, right.rest)
        fields[key] = _either(mine, yours)
    rest = left.rest if right.rest is None else right.rest if left.rest is None else join(left.rest, right.rest)
    made_of = left.made_of if left.made_of == right.made_of else tuple(dict.fromkeys((*left.made_of, *right.made_of)))
    return Obj(left.kind, fields, rest, left.size, made_of, left.parent)


def _either(left: Value | None, right: Value | None) -> Value:
    """A part that is on one side only keeps its value: reading it where it is missing would have failed."""
    if left is None:
        return UNKNOWN if right is None else right
    return left if right is None else join(left, right)


def same(left: State, right: State) -> bool:
    """Say whether nothing new is known: the end of a loop's fixed point."""
    if left.dead != right.dead or len(left.objects) != len(right.objects):
        return False
    for number, ours in left.objects.items():
        theirs = right.objects.get(number)
        if theirs is None or (ours is not theirs and not _same_object(ours, theirs)):
            return False
    return True


def _same_object(left: Obj, right: Obj) -> bool:
    return left.size == right.size and left.rest == right.rest and left.fields == right.fields
