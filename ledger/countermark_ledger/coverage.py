"""Coverage: is every transition of a change accounted for, by whom, and if not, why not?

Layer: ledger core. Does no I/O and reads no clock.
Trust: the nodes are recomputed from git's blobs, the edges are verified; everything else was refused before.

DESIGN.md section 2, step 5. A path is covered when a chain leads from its node at the tip to its landing
node, or from its node at the only merge base to its node at the head when git's own three-way merge made
the landing node out of that. Edges that are spent (`staleness`), or whose statement did not come along as a whole
(`wholeness`), are in no chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from . import chain, wholeness
from .chain import Edge
from .display import safe, word
from .errors import Forged, LedgerError, Malformed, Revoked
from .identity import Identity
from .node import Node, Transition
from .objections import Objection, Rules, objections
from .staleness import fresh, passed_since
from .testimony import Testimony
from .wholeness import Aside

MAX_NAMED = 5


class Answer(StrEnum):
    """What is known of one transition, in the order in which a gate reports it."""

    COVERED = "covered"
    FORGED = "forged"
    REVOKED = "revoked"
    INCONCLUSIVE = "inconclusive"
    UNACCOUNTED = "unaccounted"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Row:
    """One path and its answer; `chain` is the evidence used, `reason` and `hint` are for people.

    `objections` are what the policy has against the chain: where the answer is POLICY, the reason says them all.
    """

    path: str
    answer: Answer
    chain: tuple[Edge, ...] = ()
    reason: str = ""
    hint: str = ""
    objections: tuple[Objection, ...] = ()


@dataclass(frozen=True, slots=True)
class Landing:
    """What git says about the change.

    `positions` maps first-parent commits of the protected ref to their distance from the tip (0 is the tip);
    `passed` lists, by path, at which position that history, merges included, put which node; `trees` has the last
    position of each of its trees.
    `refused` names paths that nothing can cover, with the reason. `answered` has the rows of paths for which something
    else than evidence over them speaks, as the log's own checkpoint does for a submodule of evidence. `still` gives the
    nodes of paths that do not differ although evidence that a chain needs has something else there; `base` is the
    commit from which new evidence would have to begin.
    """

    transitions: Sequence[Transition]
    refused: Mapping[str, str]
    positions: Mapping[str, int]
    trees: Mapping[str, int]
    passed: Mapping[str, Sequence[tuple[int, Node | None]]]
    at_base: Mapping[str, Node | None] = field(default_factory=dict)
    at_head: Mapping[str, Node | None] = field(default_factory=dict)
    answered: Mapping[str, Row] = field(default_factory=dict)
    still: Mapping[str, Node | None] = field(default_factory=dict)
    base: str | None = None


_GRAVEST_FIRST = (Answer.FORGED, Answer.REVOKED, Answer.INCONCLUSIVE)
"""What refused evidence makes of a row that nothing else covers."""


def cover(landing: Landing, evidence: Testimony, rules: Rules) -> tuple[Row, ...]:
    """Answer for every path that differs, in order: each transition, and each path that has none to offer."""
    refused = [
        Row(path, Answer.UNACCOUNTED, reason=reason, hint=_remove_hint(path))
        for path, reason in landing.refused.items()
    ]
    aside = wholeness.set_aside(
        landing, evidence, {path: _allowed(path, landing, evidence, rules) for path in landing.still}
    )
    answered = [
        landing.answered.get(transition.path) or _answer(transition, landing, evidence, rules, aside)
        for transition in landing.transitions
        if transition.path not in landing.refused
    ]
    return tuple(sorted([*refused, *answered], key=lambda row: row.path))


def answers_for(edge: Edge, path: str, evidence: Testimony, rules: Rules, person: Identity) -> bool:
    """Tell whether a row spares a person from answering for the same: never on a protected path but by themselves."""
    if rules.protected(path) and edge.signer != person:
        return False
    return not objections(edge, path, evidence, rules)


def _allowed(path: str, landing: Landing, evidence: Testimony, rules: Rules) -> list[Edge]:
    return [edge for edge in fresh(path, landing, evidence) if not objections(edge, path, evidence, rules)]


def _answer(transition: Transition, landing: Landing, evidence: Testimony, rules: Rules, aside: Aside) -> Row:
    path = transition.path
    known = fresh(path, landing, evidence)
    whole = wholeness.without(aside, known, evidence)
    row = _answer_by(transition, whole, landing, evidence, rules)
    if row.answer is Answer.UNACCOUNTED and len(whole) < len(known):
        in_parts = _answer_by(transition, known, landing, evidence, rules)
        if in_parts.answer is not Answer.UNACCOUNTED:
            return _picked(in_parts, landing, evidence, aside)
    return row


def _answer_by(
    transition: Transition, usable: Sequence[Edge], landing: Landing, evidence: Testimony, rules: Rules
) -> Row:
    path = transition.path
    if rules.protected(path):
        return _answer_protected(transition, usable, landing, evidence, rules)
    allowed = [e for e in usable if not objections(e, path, evidence, rules)]
    found = _find(transition, allowed, landing)
    if found is not None:
        return Row(path, Answer.COVERED, found)
    against_policy = _find(transition, usable, landing)
    if against_policy is not None:
        return _against_policy(path, against_policy, evidence, rules)
    return _unaccounted(transition, landing, evidence)


def _picked(row: Row, landing: Landing, evidence: Testimony, aside: Aside) -> Row:
    """Say which rows did not come along with the one that would have covered a path."""
    groups = dict.fromkeys(evidence.group(edge.source) for edge in row.chain)
    paths = list(dict.fromkeys(path for group in groups for path in aside.get(group, ())))
    named = ", ".join(safe(path) for path in paths[:MAX_NAMED]) + (", ..." if len(paths) > MAX_NAMED else "")
    reason = f"it was signed together with changes that would not land: {named}"
    return Row(row.path, Answer.UNACCOUNTED, reason=reason, hint=_sign_hint(row.path, landing.base))


def _against_policy(path: str, found: tuple[Edge, ...], evidence: Testimony, rules: Rules) -> Row:
    said = tuple(sorted({one for edge in found for one in objections(edge, path, evidence, rules)}))
    reason = "; ".join(one.said for one in said)
    return Row(path, Answer.POLICY, found, reason, _claim_hint(path), said)


def _answer_protected(
    transition: Transition, usable: Iterable[Edge], landing: Landing, evidence: Testimony, rules: Rules
) -> Row:
    """Protected paths need a chain of each of several people's own; agents never count."""
    path, wanted = transition.path, max(1, rules.people_for_protected)
    named = [edge for edge in usable if str(edge.signer) in rules.people]
    allowed = [edge for edge in named if not objections(edge, path, evidence, rules)]
    chains = _chains_by_person(transition, allowed, landing)
    if len(chains) >= wanted:
        return Row(path, Answer.COVERED, tuple(edge for found in chains for edge in found))
    against_policy = _chains_by_person(transition, named, landing)
    if len(against_policy) >= wanted:
        return _against_policy(path, tuple(edge for found in against_policy for edge in found), evidence, rules)
    row = _unaccounted(transition, landing, evidence)
    if row.answer is not Answer.UNACCOUNTED:
        return row
    said = [error.message for error in evidence.unusable.get(path, ())]
    reason = f"protected path: expected {wanted} people to answer for it, found {len(chains)}"
    return Row(path, Answer.UNACCOUNTED, reason="; ".join([reason, *dict.fromkeys(said)]), hint=_claim_hint(path))


def _chains_by_person(transition: Transition, edges: Iterable[Edge], landing: Landing) -> list[tuple[Edge, ...]]:
    by_person: dict[str, list[Edge]] = {}
    for edge in edges:
        by_person.setdefault(str(edge.signer), []).append(edge)
    return [found for own in by_person.values() if (found := _find(transition, own, landing)) is not None]


def _find(transition: Transition, edges: Sequence[Edge], landing: Landing) -> tuple[Edge, ...] | None:
    direct = chain.find(transition.before, transition.after, edges)
    path = transition.path
    if direct is not None or path not in landing.at_base or path not in landing.at_head:
        return direct
    base, head = landing.at_base[path], landing.at_head[path]
    fresh = [edge for edge in edges if not passed_since(path, transition.after, edge, landing)]
    return None if base == head else chain.find(base, head, fresh)


def _unaccounted(transition: Transition, landing: Landing, evidence: Testimony) -> Row:
    """Say why no chain was found: forged before revoked before unknown to the status before merely missing."""
    path = transition.path
    refusals = sorted(evidence.refusals.get(path, ()), key=lambda error: _GRAVEST_FIRST.index(answer_to(error)))
    if refusals:
        answer = answer_to(refusals[0])
        return Row(path, answer, reason=refusals[0].message, hint=refusals[0].hint or _MENDED_BY[answer](path))
    said = evidence.unusable.get(path, ())
    missing, base = _missing(transition, landing, evidence)
    reason = "; ".join([missing, *dict.fromkeys(error.message for error in said)])
    hint = next((error.hint for error in said if error.hint), None)
    return Row(path, Answer.UNACCOUNTED, reason=reason, hint=hint or _sign_hint(path, base))


def answer_to(refusal: LedgerError) -> Answer:
    """Say what evidence that was refused makes of a row: forged, revoked, or inconclusive."""
    match refusal:
        case Forged() | Malformed():
            return Answer.FORGED
        case Revoked():
            return Answer.REVOKED
        case _:
            return Answer.INCONCLUSIVE  # it was logged after the newest status, which can't say anything about it


def _missing(transition: Transition, landing: Landing, evidence: Testimony) -> tuple[str, str | None]:
    """Say what there is instead, and from which base to sign where the end is signed and only the beginning is not.

    Who signed that with an older tip at hand would find nothing left to sign without naming a base.
    """
    path = transition.path
    edges = evidence.edges.get(path, ())
    if not edges:
        return "no signed statement accounts for it", None
    if not fresh(path, landing, evidence):
        return f"{len(edges)} signed rows, all spent or from a base that the protected ref no longer accepts", None
    last = max(edges, key=lambda edge: edge.index if edge.index is not None else chain.BEFORE_THE_LOG)
    content = "absent" if last.after is None else f"{last.after.mode} {last.after.sha256[:12]}"
    signed = f"the last signed content is {content} by {last.signer}"
    if last.after in (transition.after, landing.at_head.get(path, transition.after)):
        return f"{signed}, on top of something else than the change begins with", landing.base
    return f"{signed}; what would land is something else", None


def _sign_hint(path: str, base: str | None = None) -> str:
    """Name what signs a path: what nobody accounts for yet, or all of it since a base whatever there is already.

    Anybody can answer for a file themselves; whether an agent's own word for it is enough is the policy's to say.
    """
    since = f"--base {base} " if base else ""
    return f"countermark claim {since}{_word(path)}"


def _claim_hint(path: str) -> str:
    return _sign_hint(path)


def _remove_hint(path: str) -> str:
    """Name what takes a path out of the next commit and leaves the file, for whoever wants to give it another name."""
    return f"git --literal-pathspecs rm --cached -- {word(path)}"


def _word(path: str) -> str:
    """Spell a path for our command line: a name is no option."""
    return word(f"./{path}" if path.startswith("-") else path)


def _fetch_hint(_path: str) -> str:
    return "countermark bundles fetch"


_MENDED_BY = {Answer.FORGED: _fetch_hint, Answer.REVOKED: _claim_hint, Answer.INCONCLUSIVE: _fetch_hint}
