"""What a policy has against evidence that holds: agents, levels, models, images, people, age, by path."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from countermark_ledger import testimony
from countermark_ledger.chain import Edge
from countermark_ledger.coverage import Answer, Landing, answers_for, cover
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Mode, Node, Transition
from countermark_ledger.objections import Asked, Ground, Rules, objections
from countermark_ledger.predicates.generation import Evidence as Level
from countermark_ledger.predicates.generation import Model, ModelSource
from countermark_ledger.testimony import Word

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AGENT = Identity("forge.example", Kind.AGENT, "builder")
ADA, BEN = (Identity("forge.example", Kind.PERSON, name) for name in ("ada", "ben"))
A, B = (Node.of_blob(Mode.FILE, text) for text in (b"A", b"B"))
SAID = Word(Level.OBSERVED, ("m-1", "m-2"), "i-1", ADA, NOW)
CLAIMED = Word(signed=NOW)


def edge(signer: Identity = AGENT, source: str = "s", index: int | None = 1) -> Edge:
    return Edge(A, B, signer, source, "b" * 40, index)


def rules(asked: Asked | None = None, **other: Any) -> Rules:
    wanted = asked or Asked(Level.OBSERVED)
    facts = {"asked": lambda _path: wanted, "people": {str(ADA), str(BEN)}, "protected": lambda _path: False}
    return Rules(**{**facts, "people_for_protected": 1, **other})


def given(*edges: Edge, **words: Word) -> testimony.Testimony:
    return testimony.Testimony({"a.py": list(edges)}, words)


def grounds(word: Word, asked: Asked) -> list[Ground]:
    return [one.ground for one in objections(edge(), "a.py", given(s=word), rules(asked))]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param(Asked(Level.OBSERVED), [], id="nothing"),
        pytest.param(Asked(Level.BOXED), [Ground.LEVEL], id="a-stronger-level"),
        pytest.param(Asked(Level.ASSERTED, agents={str(AGENT)}), [], id="listed-agent"),
        pytest.param(Asked(Level.ASSERTED, agents=set()), [Ground.AGENTS], id="unlisted-agent"),
        pytest.param(Asked(Level.ASSERTED, models={"m-1", "m-2", "m-3"}), [], id="listed-models"),
        pytest.param(Asked(Level.ASSERTED, models={"m-1"}), [Ground.MODELS], id="one-unlisted-model"),
        pytest.param(Asked(Level.ASSERTED, models=set()), [Ground.MODELS] * 2, id="two-unlisted-models"),
        pytest.param(Asked(Level.ASSERTED, images={"i-1"}), [], id="listed-image"),
        pytest.param(Asked(Level.ASSERTED, images={"i-2"}), [Ground.IMAGES], id="unlisted-image"),
        pytest.param(Asked(Level.BOXED, set(), {"m-1"}, set()), [*Ground][1:5], id="everything"),
    ],
)
def test_every_objection_is_said(asked: Asked, found: list[Ground]) -> None:
    assert grounds(SAID, asked) == found


def test_to_name_no_model_and_no_image_is_no_way_around_a_list() -> None:
    silent = SAID._replace(models=(), image=None)
    assert grounds(silent, Asked(Level.ASSERTED)) == []
    assert grounds(silent, Asked(Level.ASSERTED, models={"m-1"}, images={"i-1"})) == [Ground.MODELS, Ground.IMAGES]


def test_a_commit_that_a_platform_signed_names_no_model_and_is_asserted() -> None:
    known, signed = given(s=SAID), edge(index=None)
    assert objections(signed, "a.py", known, rules(Asked(Level.ASSERTED))) == ()
    asked = Asked(Level.OBSERVED, models={"m-1"})
    assert [one.ground for one in objections(signed, "a.py", known, rules(asked))] == [Ground.LEVEL, Ground.MODELS]


def test_who_is_no_person_and_signed_no_generation_answers_for_nothing() -> None:
    (one,) = objections(edge(), "a.py", given(), rules(Asked(Level.ASSERTED)))
    assert (one.ground, "signed no generation" in one.said) == (Ground.AGENTS, True)


def test_each_path_may_be_asked_for_something_else() -> None:
    stricter = rules(asked=None)
    stricter = replace(stricter, asked=lambda path: Asked(Level.BOXED if path == "pay.py" else Level.OBSERVED))
    assert objections(edge(), "a.py", given(s=SAID), stricter) == ()
    assert [one.ground for one in objections(edge(), "pay.py", given(s=SAID), stricter)] == [Ground.LEVEL]


@pytest.mark.parametrize(("late", "found"), [(0, []), (1, [Ground.AGE])])
@pytest.mark.parametrize(("signer", "word"), [(AGENT, SAID), (ADA, CLAIMED)])
def test_a_statement_may_be_too_old_whoever_signed_it(
    signer: Identity, word: Word, late: int, found: list[Ground]
) -> None:
    young = rules(not_before=NOW + timedelta(seconds=late))
    said = objections(edge(signer), "a.py", given(s=word), young)
    assert [one.ground for one in said] == found
    assert not found or "2026-11-20T12:00:00Z" in said[0].said


def test_a_signed_commit_has_no_time_to_be_too_old_by() -> None:
    young = rules(not_before=NOW + timedelta(days=1))
    assert objections(edge(ADA, "commit:1", None), "a.py", given(), young) == ()


def test_the_word_of_a_statement_is_every_name_it_gives_and_when(simulated: SimulatedAuthority) -> None:
    models = tuple(Model(None, *names, None, ModelSource.WIRE) for names in (("m-2", "m-1"), ("m-2", None)))
    (made,) = simulated.generations([_part()])
    session = made.session._replace(image_digest="i-1")
    made = made._replace(models=models, session=session, operator=ADA)
    assert Word.of(made, NOW) == Word(made.evidence, ("m-1", "m-2"), "i-1", ADA, NOW)


def _part() -> Any:
    from countermark_ledger.node import Change
    from countermark_ledger.predicates.rows import split

    return split(Change.of([Transition("a.py", A, B)]))[0]


# --- and what that makes of a row -------------------------------------------------------------------


def landing(path: str = "a.py") -> Landing:
    return Landing((Transition(path, A, B),), {}, {"b" * 40: 0}, {}, {})


def test_a_row_says_each_objection_and_its_ground_once() -> None:
    known = given(edge(), edge(source="again", index=2), s=SAID, again=SAID)
    (row,) = cover(landing(), known, rules(Asked(Level.BOXED, images={"i-2"})))
    assert (row.answer, [one.ground for one in row.objections]) == (Answer.POLICY, [Ground.LEVEL, Ground.IMAGES])
    assert row.reason == "; ".join(one.said for one in row.objections)


def test_an_objected_statement_defeats_no_other() -> None:
    known = given(edge(), edge(ADA, "claim", 2), s=SAID, claim=CLAIMED)
    (row,) = cover(landing(), known, rules(Asked(Level.BOXED)))
    assert (row.answer, [one.signer for one in row.chain], row.objections) == (Answer.COVERED, [ADA], ())


def test_on_a_protected_path_a_claim_that_is_too_old_is_said_to_be() -> None:
    old = rules(protected=lambda _path: True, not_before=NOW + timedelta(days=1))
    known = given(edge(ADA, "claim"), claim=CLAIMED)
    (row,) = cover(landing(), known, old)
    assert (row.answer, [one.ground for one in row.objections]) == (Answer.POLICY, [Ground.AGE])
    two = replace(old, people_for_protected=2)
    (row,) = cover(landing(), known, two)
    assert (row.answer, "expected 2 people" in row.reason) == (Answer.UNACCOUNTED, True)
    young = given(
        *known.edges["a.py"], edge(BEN, "young", 2), claim=CLAIMED, young=Word(signed=NOW + timedelta(days=1))
    )
    (row,) = cover(landing(), young, old)
    assert (row.answer, [one.signer for one in row.chain]) == (Answer.COVERED, [BEN])


@pytest.mark.parametrize("protected", [False, True])
def test_a_row_spares_a_person_only_while_the_policy_takes_it(*, protected: bool) -> None:
    known = given(s=SAID, claim=CLAIMED)
    asked = rules(protected=lambda _path: protected)
    assert answers_for(edge(), "a.py", known, asked, ADA) is not protected
    assert answers_for(edge(BEN, "claim"), "a.py", known, asked, ADA) is not protected
    assert answers_for(edge(ADA, "claim"), "a.py", known, asked, ADA)
    old = replace(asked, not_before=NOW + timedelta(days=1))
    assert not answers_for(edge(ADA, "claim"), "a.py", known, old, ADA)
