"""Who had a hand in a change: authors, operators and owners, and when nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from countermark_ledger import actors, enrolled, testimony
from countermark_ledger.chain import Edge
from countermark_ledger.collection import Collection, bundle_path
from countermark_ledger.coverage import Answer, Row
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change, Mode, Node
from countermark_ledger.predicates.enrolment import Enrolment
from countermark_ledger.testimony import Word

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

    from countermark_ledger.authority.issuing import Signed

Changed = Callable[..., Change]
BASE = "b" * 40
AGENT, OTHER = (Identity("forge.example", Kind.AGENT, name) for name in ("builder", "other"))
ANNA, BERT, CARL = (Identity("forge.example", Kind.PERSON, name) for name in ("anna", "bert", "carl"))
ROOT = Identity("forge.example", Kind.AUTHORITY, "root")
ONE, TWO, THREE = (Node.of_blob(Mode.FILE, text) for text in (b"1", b"2", b"3"))


def enrol(simulated: SimulatedAuthority, owner: Identity | None, *, by: Identity = ROOT, **other: object) -> Signed:
    facts = {"trust_root_sha256": simulated.trust.digest.removeprefix("sha256:"), "identity": AGENT, **other}
    return simulated.sign(by, Enrolment(**facts, owner=owner).statement())[0]


def owners(simulated: SimulatedAuthority, *signed: Signed) -> enrolled.Owners:
    return enrolled.owners(simulated.collection(*signed).candidates.values(), {AGENT}, simulated.trust)


# --- enrolments -------------------------------------------------------------------------------------


def test_everybody_whom_an_enrolment_names_owns_the_agent(simulated: SimulatedAuthority) -> None:
    signed = [enrol(simulated, ANNA), enrol(simulated, BERT, rotation=True), enrol(simulated, CARL, identity=OTHER)]
    assert owners(simulated, *signed) == {AGENT: {ANNA, BERT}}


def test_an_enrolled_agent_may_belong_to_nobody_which_is_not_the_same_as_unknown(
    simulated: SimulatedAuthority,
) -> None:
    assert owners(simulated, enrol(simulated, None)) == {AGENT: set()}
    assert owners(simulated) == {}


def test_an_agent_does_not_enrol_itself_under_another_owner(simulated: SimulatedAuthority) -> None:
    assert owners(simulated, enrol(simulated, CARL, by=AGENT)) == {}


def test_an_enrolment_under_another_trust_root_says_nothing(simulated: SimulatedAuthority) -> None:
    assert owners(simulated, enrol(simulated, CARL, trust_root_sha256="0" * 64)) == {}


def test_what_is_no_enrolment_says_nothing(simulated: SimulatedAuthority, changed: Changed) -> None:
    statement = Enrolment("0" * 64, AGENT, None).statement()
    odd = simulated.sign(ROOT, statement._replace(predicate={"identity": str(AGENT)}))[0]
    assert owners(simulated, odd, *simulated.sign_change(changed(a_py=(None, "1")))) == {}


def test_an_enrolment_that_the_log_did_not_take_in_says_nothing(simulated: SimulatedAuthority) -> None:
    signed = enrol(simulated, ANNA)
    altered = Collection.of([(bundle_path("0" * 64), signed.raw)])
    assert len(altered.candidates) == 1
    assert enrolled.owners(altered.candidates.values(), {AGENT}, simulated.trust) == {}


# --- actors -----------------------------------------------------------------------------------------


def told(**operators: Identity | None) -> testimony.Testimony:
    """Testimony in which the source of this name is a statement that names this operator."""
    return testimony.Testimony(words={source: Word(operator=operator) for source, operator in operators.items()})


def edge(signer: Identity, source: str = "s", before: Node | None = None, after: Node | None = ONE) -> Edge:
    return Edge(before, after, signer, source, BASE, 1)


def row(*chain: Edge, path: str = "a.py") -> Row:
    return Row(path, Answer.COVERED, chain)


def test_owner_and_operator_are_both_behind_an_agent() -> None:
    found = actors.actors([row(edge(AGENT))], told(s=BERT), {AGENT: {ANNA}})
    assert (found.authors, found.operators, found.unknown) == (frozenset(), {ANNA, BERT}, frozenset())


def test_an_operator_alone_is_known_only_beside_an_enrolment() -> None:
    known = actors.actors([row(edge(AGENT))], told(s=BERT), {AGENT: set()})
    assert (known.operators, known.unknown) == ({BERT}, frozenset())
    withheld = actors.actors([row(edge(AGENT))], told(s=BERT), {})
    assert (withheld.operators, withheld.unknown) == (frozenset(), {AGENT})


@pytest.mark.parametrize("operator", [None, "no-account"])
def test_without_owner_and_operator_nobody_knows_who_is_behind_an_agent(operator: str | None) -> None:
    said = told() if operator else told(s=None)
    found = actors.actors([row(edge(AGENT))], said, {AGENT: set()})
    assert (found.operators, found.unknown) == (frozenset(), {AGENT})


def test_people_who_signed_rows_are_authors_and_agents_are_not() -> None:
    rows = [row(edge(ANNA)), row(edge(AGENT), path="b.py")]
    found = actors.actors(rows, told(s=CARL), {AGENT: set()})
    assert (found.authors, found.operators) == ({ANNA}, {CARL})
    assert actors.agents_of(rows) == {AGENT}


def test_who_signed_the_same_content_beside_the_chain_is_an_author_too() -> None:
    said = told(s=CARL)
    said.edges["a.py"] = [edge(ANNA, "x", TWO, ONE), edge(BERT, "y", ONE, THREE)]
    found = actors.actors([row(edge(AGENT))], said, {AGENT: set()})
    assert found.authors == {ANNA}


def test_who_signed_what_was_led_on_to_it_is_an_author_too() -> None:
    said = told(s=CARL)
    used = Edge(TWO, ONE, AGENT, "s", BASE, 3)
    said.edges["a.py"] = [
        Edge(ONE, TWO, ANNA, "before-it-began", BASE, 0),
        Edge(TWO, THREE, BERT, "x", BASE, 1),
        Edge(THREE, ONE, AGENT, "s", BASE, 2),
        used,
    ]
    found = actors.actors([row(used)], said, {AGENT: set()})
    assert (found.authors, found.operators) == ({BERT}, {CARL})


def test_who_is_behind_another_agent_that_signed_the_same_counts_and_nobody_known_there_stops_nothing() -> None:
    said = told(s=CARL)
    said.edges["a.py"] = [edge(AGENT), edge(OTHER, "x")]
    known = actors.actors([row(edge(AGENT))], said, {AGENT: set(), OTHER: {BERT}})
    assert (known.operators, known.unknown) == ({BERT, CARL}, frozenset())
    unknown = actors.actors([row(edge(AGENT))], said, {AGENT: set()})
    assert (unknown.operators, unknown.unknown) == ({CARL}, frozenset())


def test_a_change_that_nobody_signed_has_no_actors() -> None:
    said = told()
    said.edges["a.py"] = [edge(ANNA)]
    found = actors.actors([Row("a.py", Answer.UNACCOUNTED)], said, {})
    assert (found.authors, found.operators, found.unknown) == (frozenset(), frozenset(), frozenset())


def test_an_operator_of_another_agents_statement_is_not_behind_this_one() -> None:
    said = told(s=BERT, t=CARL)
    behind = actors.operators(AGENT, [edge(AGENT, "s"), edge(OTHER, "t")], said, {AGENT: set(), OTHER: set()})
    assert behind == {BERT}
