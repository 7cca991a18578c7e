"""The input's files: what git says of each path that differs, and who says what of it.

Trust: as strict as any format of ours; what is read back is compared with its own spelling by the caller.

Of history only what these files can turn on is kept: how far behind the tip the evidence began, the trees that a
verdict used it up for, and what the protected ref has put at these paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.coverage import Answer, Landing, Row, answer_to
from countermark_ledger.errors import Forged, LedgerError, Malformed, Revoked, StatusExpired
from countermark_ledger.identity import Identity
from countermark_ledger.node import Node, Transition
from countermark_ledger.predicates.generation import Evidence as Level
from countermark_ledger.testimony import Testimony, Word
from countermark_service.gate.input import spelling

T = TypeVar("T")
_REFUSED: Mapping[str, type[LedgerError]] = {
    Answer.FORGED.value: Forged,
    Answer.REVOKED.value: Revoked,
    Answer.INCONCLUSIVE.value: StatusExpired,
}


def narrowed(landing: Landing, testimony: Testimony) -> tuple[Landing, Testimony]:
    """Leave out what no file of the change can turn on; every answer stays the same."""
    paths = [row.path for row in landing.transitions]
    every = [*paths, *landing.still]
    edges = {path: testimony.edges[path] for path in every if testimony.edges.get(path)}
    used = [edge for found in edges.values() for edge in found]
    sources, bases = {edge.source for edge in used}, {edge.base for edge in used}
    consumed = {source: trees for source, trees in testimony.consumed.items() if source in sources}
    mattering = {tree for trees in consumed.values() for tree in trees}
    land = Landing(
        landing.transitions,
        landing.refused,
        {commit: at for commit, at in landing.positions.items() if commit in bases},
        {tree: at for tree, at in landing.trees.items() if tree in mattering},
        {path: landing.passed[path] for path in every if landing.passed.get(path)},
        landing.at_base,
        landing.at_head,
        landing.answered,
        landing.still,
        landing.base,
    )
    said = Testimony(
        edges,
        {source: word for source, word in testimony.words.items() if source in sources},
        {path: testimony.refusals[path] for path in paths if testimony.refusals.get(path)},
        {path: testimony.unusable[path] for path in paths if testimony.unusable.get(path)},
        consumed,
        {source: first for source, first in testimony.parts.items() if source in sources},
    )
    return land, said


def spell(landing: Landing, testimony: Testimony) -> dict[str, Json]:
    """Spell both, path by path."""
    rows = {row.path: row for row in landing.transitions}
    paths = sorted(rows.keys() | landing.refused.keys(), key=_order)
    return {
        "files": [_spell_file(path, rows.get(path), landing, testimony) for path in paths],
        "still": [_spell_still(path, landing, testimony) for path in sorted(landing.still, key=_order)],
        "statements": {
            source: {
                **_spell_word(word),
                "consumedBy": [*sorted(testimony.consumed.get(source, ()))],
            }
            for source, word in testimony.words.items()
        },
        "together": dict(testimony.parts),
        "history": {"behindTip": dict(landing.positions), "trees": dict(landing.trees), "base": landing.base},
    }


def read(value: Json) -> tuple[Landing, Testimony]:
    """Read both back."""
    files = shape.items(shape.member(value, "files"), "files", lambda file: file)
    named = [(spelling.read(shape.member(file, "path"), "path"), file) for file in files]
    stood = shape.items(shape.member(value, "still"), "still", lambda file: file)
    still = [(spelling.read(shape.member(file, "path"), "path"), file) for file in stood]
    both = [*named, *still]
    statements = _object(shape.member(value, "statements"), "statements")
    together = _object(shape.member(value, "together"), "together")
    history = shape.member(value, "history")
    behind = _object(shape.member(history, "behindTip"), "behindTip")
    sided = [(path, file) for path, file in both if shape.member(file, "merge") is not None]
    landing = Landing(
        tuple(_rows(named)),
        {path: why for path, file in named if (why := _optional(file, "refused")) is not None},
        {commit: shape.integer(at, "behindTip") for commit, at in behind.items()},
        {tree: shape.integer(at, "trees") for tree, at in _object(shape.member(history, "trees"), "trees").items()},
        _by_path(both, "passed", _read_passed),
        {path: spelling.read_node(_side(file, "base")) for path, file in sided},
        {path: spelling.read_node(_side(file, "head")) for path, file in sided},
        {path: _read_row(path, row) for path, file in named if (row := shape.member(file, "answered")) is not None},
        {path: spelling.read_node(shape.member(file, "node")) for path, file in still},
        _optional(history, "base"),
    )
    said = Testimony(
        _by_path(both, "edges", spelling.read_edge),
        {source: _read_word(word) for source, word in statements.items()},
        _by_path(named, "refusals", _read_refusal),
        _by_path(named, "unusable", _read_said),
        {s: set(by) for s, word in statements.items() if (by := shape.texts(shape.member(word, "consumedBy"), "by"))},
        {source: shape.text(first, "together") for source, first in together.items()},
    )
    return landing, said


def _order(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _spell_file(path: str, row: Transition | None, landing: Landing, testimony: Testimony) -> Json:
    sided = path in landing.at_base and path in landing.at_head
    return {
        "path": spelling.spell(path),
        "before": spelling.spell_node(row.before if row else None),
        "after": spelling.spell_node(row.after if row else None),
        "refused": spelling.spell_optional(landing.refused.get(path)),
        "answered": _spell_row(landing.answered[path]) if path in landing.answered else None,
        "merge": _spell_merge(path, landing) if sided else None,
        "passed": _spell_passed(path, landing),
        "edges": [spelling.spell_edge(edge) for edge in testimony.edges.get(path, ())],
        "refusals": [{"answer": answer_to(e).value, **_spell_said(e)} for e in testimony.refusals.get(path, ())],
        "unusable": [_spell_said(error) for error in testimony.unusable.get(path, ())],
    }


def _spell_still(path: str, landing: Landing, testimony: Testimony) -> Json:
    """Spell a path that does not differ, and is needed for what was signed together with others."""
    sided = path in landing.at_base and path in landing.at_head
    return {
        "path": spelling.spell(path),
        "node": spelling.spell_node(landing.still[path]),
        "merge": _spell_merge(path, landing) if sided else None,
        "passed": _spell_passed(path, landing),
        "edges": [spelling.spell_edge(edge) for edge in testimony.edges.get(path, ())],
    }


def _spell_passed(path: str, landing: Landing) -> Json:
    return [{"behindTip": at, "node": spelling.spell_node(node)} for at, node in landing.passed.get(path, ())]


def _spell_row(row: Row) -> Json:
    return {"answer": row.answer.value, "reason": spelling.spell(row.reason), "hint": spelling.spell(row.hint)}


def _read_row(path: str, value: Json) -> Row:
    answer = shape.text(shape.member(value, "answer"), "answer")
    if answer not in set(Answer):
        raise Malformed(f"answered: expected one of {', '.join(Answer)}, found {answer!r:.40}")
    reason, hint = (spelling.read(shape.member(value, name), name) for name in ("reason", "hint"))
    return Row(path, Answer(answer), reason=reason, hint=hint)


def _spell_merge(path: str, landing: Landing) -> Json:
    return {
        "base": spelling.spell_node(landing.at_base[path]),
        "head": spelling.spell_node(landing.at_head[path]),
    }


def _spell_said(error: LedgerError) -> dict[str, Json]:
    return {"message": spelling.spell(error.message), "hint": spelling.spell_optional(error.hint)}


def _spell_word(word: Word) -> dict[str, Json]:
    return {
        "evidence": word.level.value if word.level else None,
        "models": [spelling.spell(model) for model in word.models],
        "image": spelling.spell_optional(word.image),
        "operator": str(word.operator) if word.operator else None,
        "signed": shape.spell_time(word.signed) if word.signed else None,
    }


def _rows(named: Sequence[tuple[str, Json]]) -> Iterator[Transition]:
    """Give each file's transition; a refused path may have none to offer."""
    for path, file in named:
        before, after = (spelling.read_node(shape.member(file, side)) for side in ("before", "after"))
        if before != after or shape.member(file, "refused") is None:
            yield Transition(path, before, after)


def _by_path(named: Sequence[tuple[str, Json]], name: str, read: Callable[[Json], T]) -> dict[str, list[T]]:
    """Give what a member lists for each file, where it lists anything."""
    return {path: [*found] for path, file in named if (found := _list(file, name, read))}


def _read_passed(value: Json) -> tuple[int, Node | None]:
    at = shape.integer(shape.member(value, "behindTip"), "behindTip")
    return at, spelling.read_node(shape.member(value, "node"))


def _side(file: Json, name: str) -> Json:
    return shape.member(shape.member(file, "merge"), name)


def _read_refusal(value: Json) -> LedgerError:
    kind = _REFUSED.get(shape.text(shape.member(value, "answer"), "answer"))
    if kind is None:
        raise Malformed(f"refusals: expected one of {', '.join(_REFUSED)}, found {shape.member(value, 'answer')!r:.40}")
    return _said(kind, value)


def _read_said(value: Json) -> LedgerError:
    return _said(LedgerError, value)


def _said(kind: type[LedgerError], value: Json) -> LedgerError:
    return kind(spelling.read(shape.member(value, "message"), "message"), hint=_optional(value, "hint"))


def _read_word(value: Json) -> Word:
    operator, signed = shape.member(value, "operator"), shape.member(value, "signed")
    level = shape.optional_text(shape.member(value, "evidence"), "evidence")
    if level is not None and level not in set(Level):
        raise Malformed(f"evidence: expected one of {', '.join(Level)}, found {level!r:.40}")
    return Word(
        None if level is None else Level(level),
        _list(value, "models", lambda model: spelling.read(model, "models")),
        _optional(value, "image"),
        None if operator is None else Identity.parse(operator),
        None if signed is None else shape.time(signed, "signed"),
    )


def _optional(value: Json, name: str) -> str | None:
    return spelling.read_optional(shape.member(value, name), name)


def _list(value: Json, name: str, read: Callable[[Json], T]) -> tuple[T, ...]:
    return shape.items(shape.member(value, name), name, read)


def _object(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise Malformed(f"{where}: expected an object, found {type(value).__name__}")
    return value
