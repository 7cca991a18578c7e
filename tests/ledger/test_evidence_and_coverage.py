"""Which evidence holds for which rows, and what is said of a row that nothing covers. Attacks bear their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import chain, evidence
from countermark_ledger.bundle import Bundle
from countermark_ledger.chain import Edge
from countermark_ledger.collection import Collection, bundle_path, certificate_proof_path
from countermark_ledger.coverage import Answer, Landing, Row, cover
from countermark_ledger.errors import (
    Incomplete,
    Revoked,
    StatusExpired,
    TooLarge,
    WrongEntry,
    WrongIdentity,
    WrongStatement,
)
from countermark_ledger.evidence import Evidence, Question, judge
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.objections import Asked, Rules
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.generation import Evidence as Level
from countermark_ledger.predicates.generation import Model, ModelSource, Target
from countermark_ledger.predicates.rows import split
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.statement import Statement
from countermark_ledger.verifier import verify

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

    from countermark_ledger.authority.issuing import Signed

Changed = Callable[..., Change]
BASE, TIP, TREE = "b" * 40, "7" * 40, "f" * 40
PEOPLE = Kind.PERSON
NAMED = frozenset({"spiffe://forge.example/person/p1", "spiffe://forge.example/person/p2"})


def ask(simulated: SimulatedAuthority, change: Change, collection: Collection, **other: object) -> Evidence:
    paths = {row.path for row in change.transitions}
    facts = {"repository_id": "repository-1", "at": simulated.clock.now, **other}
    return judge(collection, Question(paths, **facts), simulated.trust)


def landing(change: Change, **other: object) -> Landing:
    facts = {"refused": {}, "positions": {TIP: 0, BASE: 1}, "trees": {}, "passed": {}, **other}
    return Landing(change.transitions, **facts)


def rules(minimum: Level = Level.OBSERVED, agents: AbstractSet[str] | None = None, **other: object) -> Rules:
    asked = Asked(minimum, agents, other.pop("models", None), other.pop("images", None))
    facts = {"asked": lambda _path: asked, "people": NAMED, "protected": lambda _path: False}
    return Rules(**{**facts, "people_for_protected": 1, **other})


def answers(rows: Iterable[Row]) -> dict[str, Answer]:
    return {row.path: row.answer for row in rows}


# --- what holds -------------------------------------------------------------------------------------


def test_a_signed_change_is_covered_by_its_agent(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"), b_py=("1\n", None))
    signed = simulated.sign_change(change)[0]
    found = ask(simulated, change, simulated.collection(signed, simulated.status()))
    rows = cover(landing(change), found, rules())
    assert answers(rows) == {"a.py": Answer.COVERED, "b.py": Answer.COVERED}
    assert [str(edge.signer) for edge in rows[0].chain] == ["spiffe://forge.example/agent/builder"]
    assert found.judged[1:] == [signed.name]
    assert len(found.heads) == 2


def test_all_parts_of_a_large_change_count_together(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(**{f"f{n:04}": (None, f"{n}") for n in range(1100)})
    signed, status = simulated.sign_change(change), simulated.status()
    found = ask(simulated, change, simulated.collection(*signed, status))
    assert set(answers(cover(landing(change), found, rules())).values()) == {Answer.COVERED}
    for missing in signed:
        rest = [one for one in signed if one is not missing]
        lacking = ask(simulated, change, simulated.collection(*rest, status))
        assert not lacking.edges
        assert {type(error) for errors in lacking.refusals.values() for error in errors} == {Incomplete}


def test_parts_by_two_signers_do_not_make_a_whole(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(**{f"f{n:04}": (None, f"{n}") for n in range(1100)})
    one, two = simulated.generations(split(change))
    other = simulated.who(Kind.AGENT, "other")
    signed = [
        *simulated.sign(one.agent, one.statement()),
        *simulated.sign(other, two._replace(agent=other).statement()),
    ]
    assert not ask(simulated, change, simulated.collection(*signed, simulated.status())).edges


def test_parts_that_hold_a_path_twice_are_refused_and_stop_nobody_else(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    digest = Change(change.transitions * 2).sha256()
    parts = [replace(split(change)[0], number=n, of=2, changes_sha256=digest) for n in (1, 2)]
    junk = simulated.sign(simulated.who(Kind.AGENT), *(one.statement() for one in simulated.generations(parts)))
    good = simulated.sign_change(change)
    collection = simulated.collection(*junk, *good, simulated.status())
    found = ask(simulated, change, collection)
    assert answers(cover(landing(change), found, rules())) == {"a.py": Answer.COVERED}
    assert [type(error) for error in found.refusals["a.py"]] == [Incomplete, Incomplete]


def test_only_what_names_a_needed_row_is_judged(simulated: SimulatedAuthority, changed: Changed) -> None:
    needed, other = changed(a_py=(None, "1\n")), changed(z_py=(None, "1\n"))
    signed, status = [*simulated.sign_change(needed), *simulated.sign_change(other)], simulated.status()
    assert ask(simulated, needed, simulated.collection(*signed, status)).judged == [status.name, signed[0].name]


def test_what_was_signed_towards_another_branch_is_said_and_counts_for_nothing(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    other = Target("repository-1", "refs/heads/release", BASE)
    signed = [*(simulated.sign_change(change, target=other)[0] for _ in range(5)), simulated.status()]
    collection = simulated.collection(*signed, more=[(bundle_path("0" * 64), simulated.sign_change(change)[0].raw)])
    for branch, here in (("main", 0), ("release", 5), (None, 5)):
        found = ask(simulated, change, collection, branch=branch)
        assert len(found.edges.get("a.py", ())) == here
        said = [error.message for error in found.unusable.get("a.py", ())]
        assert (len(said), all("towards refs/heads/release" in one for one in said)) == (0 if here else 3, True)


def test_every_result_of_a_source_is_known_and_what_is_dropped_was_never_there(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=("1\n", "2\n"), b_py=("1\n", None))
    signed = [*simulated.sign_change(change), *simulated.sign_change(changed(a_py=("1\n", "2\n")))]
    found = ask(simulated, changed(a_py=("1\n", "2\n")), simulated.collection(*signed, simulated.status()))
    whole, part = sorted(found.accounts, key=lambda name: -len(found.results(name)))
    assert found.results(whole) == {row.path: row.after for row in change.transitions}
    found.commits["commit:c"] = {"c.py": None}
    assert (found.results("commit:c"), found.results("nobody's")) == ({"c.py": None}, {})
    found.drop({whole})
    assert [edge.source for edge in found.edges["a.py"]] == [part]


@pytest.mark.parametrize("proven", [True, False])
def test_rows_that_nobody_asked_about_are_left_out(
    simulated: SimulatedAuthority, changed: Changed, *, proven: bool
) -> None:
    change = changed(a_py=(None, "1\n"), z_py=(None, "1\n"))
    signed, status = simulated.sign_change(change)[0], simulated.status()
    files = simulated.files([signed]) if proven else [(bundle_path(signed.name), signed.raw)]
    found = ask(simulated, changed(a_py=(None, "1\n")), simulated.collection(status, more=files))
    assert {*found.edges, *found.refusals} == {"a.py"}


def test_too_many_bundles_for_one_change_are_refused(
    simulated: SimulatedAuthority, changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MAX_JUDGED", 1)
    change = changed(a_py=(None, "1\n"))
    signed = [*simulated.sign_change(change), *simulated.sign_change(change)]
    with pytest.raises(TooLarge):
        ask(simulated, change, simulated.collection(*signed, simulated.status()))


# --- attacks ----------------------------------------------------------------------------------------


def _tamper(signed: Signed, change: Callable[[Bundle], Bundle]) -> tuple[str, bytes]:
    """Other bytes under the name of the true ones."""
    return bundle_path(signed.name), change(Bundle.parse(signed.raw)).encode()


def _proof(signed: Signed) -> tuple[str, bytes]:
    return certificate_proof_path(signed.name), signed.certificate_proof


def test_altered_bytes_under_a_true_name_are_forged(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    signed = simulated.sign_change(change)[0]
    altered = _tamper(signed, lambda bundle: bundle._replace(timestamp_der=b"x"))
    found = ask(simulated, change, simulated.collection(simulated.status(), more=[altered, _proof(signed)]))
    rows = cover(landing(change), found, rules())
    assert answers(rows) == {"a.py": Answer.FORGED}
    assert isinstance(found.refusals["a.py"][0], WrongEntry)


def test_a_bundle_without_its_certificate_proof_is_forged(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    signed = simulated.sign_change(change)[0]
    found = ask(
        simulated, change, simulated.collection(simulated.status(), more=[(bundle_path(signed.name), signed.raw)])
    )
    assert answers(cover(landing(change), found, rules())) == {"a.py": Answer.FORGED}


def test_a_junk_certificate_proof_beside_the_true_one_defeats_nothing(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    signed, status = simulated.sign_change(change)[0], simulated.status()
    for more in ([(certificate_proof_path(signed.name), b"junk")], []):
        files = [*more, *simulated.files([signed, status]), *more]
        assert ask(simulated, change, Collection.of(files)).edges


def test_a_forged_bundle_never_defeats_one_that_holds(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    good, bad = simulated.sign_change(change)[0], simulated.sign_change(change)[0]
    collection = simulated.collection(good, simulated.status(), more=[(bundle_path(bad.name), bad.raw)])
    found = ask(simulated, change, collection)
    assert answers(cover(landing(change), found, rules())) == {"a.py": Answer.COVERED}
    assert found.refusals["a.py"]


def _signed_by(simulated: SimulatedAuthority, signer: Identity, statement: Statement) -> Signed:
    return simulated.sign(signer, statement)[0]


@pytest.mark.parametrize(
    "name", ["statement-of-another-agent", "mode-flipped-by-another", "claim-by-an-agent", "generation-by-a-person"]
)
def test_nobody_speaks_for_another(name: str, simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    flipped = Change.of([Transition("a.py", None, Node.of_blob(Mode.EXECUTABLE, b"1\n"))])
    agent, other, person = simulated.who(Kind.AGENT), simulated.who(Kind.AGENT, "other"), simulated.who(PEOPLE, "p1")
    claim = Claim(agent, simulated.target(), split(change)[0])
    signer, statement = {
        "statement-of-another-agent": (other, simulated.generation(change).statement()),
        "mode-flipped-by-another": (other, simulated.generation(flipped).statement()),
        "claim-by-an-agent": (agent, claim.statement()),
        "generation-by-a-person": (person, simulated.generation(change, agent=person).statement()),
    }[name]
    signed = _signed_by(simulated, signer, statement)
    found = ask(simulated, change, simulated.collection(signed, simulated.status()))
    assert not found.edges
    assert [type(error) for error in found.refusals["a.py"]] == [WrongIdentity]
    assert answers(cover(landing(change), found, rules())) == {"a.py": Answer.FORGED}


def test_a_statement_with_a_row_dropped_is_remembered_as_altered(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"), b_py=(None, "1\n"))
    statement = simulated.generation(change).statement()
    definition = dict(statement.predicate["buildDefinition"])
    inner = {**definition["internalParameters"], "changes": change.rows()[:1]}
    cut = statement._replace(
        predicate={**statement.predicate, "buildDefinition": {**definition, "internalParameters": inner}}
    )
    signed = simulated.sign(simulated.who(Kind.AGENT), cut)
    found = ask(simulated, change, simulated.collection(*signed, simulated.status()))
    assert not found.edges
    assert {path: [type(error) for error in errors] for path, errors in found.refusals.items()} == {
        "a.py": [WrongStatement]
    }


def _contradicting(simulated: SimulatedAuthority, change: Change, target: Target) -> Statement:
    """A claim that lacks one of its rows."""
    statement = Claim(simulated.who(PEOPLE, "p1"), target, split(change)[0]).statement()
    return statement._replace(predicate={**statement.predicate, "changes": change.rows()[:1]})


@pytest.mark.parametrize(
    ("name", "refusals"),
    [
        pytest.param("here", {"a.py": [WrongStatement]}, id="a-claim-that-contradicts-itself"),
        pytest.param("altered", {"a.py": [WrongEntry]}, id="under-the-name-of-another"),
        pytest.param("elsewhere", {}, id="about-another-repository"),
        pytest.param("nonsense", {}, id="that-names-no-rows"),
    ],
)
def test_a_statement_that_contradicts_itself_is_remembered_against_the_rows_it_names(
    name: str, refusals: dict[str, list[type]], simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"), b_py=(None, "1\n"))
    where = simulated.target()._replace(repository_id="repository-2") if name == "elsewhere" else simulated.target()
    statement = _contradicting(simulated, change, where)
    if name == "nonsense":
        statement = statement._replace(predicate={"buildDefinition": "x"})
    signed = simulated.sign(simulated.who(PEOPLE, "p1"), statement)[0]
    path = bundle_path("a" * 64 if name == "altered" else signed.name)
    found = ask(simulated, change, simulated.collection(simulated.status(), more=[(path, signed.raw)]))
    assert not found.edges
    assert {path: [type(error) for error in errors] for path, errors in found.refusals.items()} == refusals


def test_a_statement_for_another_repository_says_nothing_here(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    elsewhere = simulated.target()._replace(repository_id="repository-2")
    signed = simulated.sign_change(change, target=elsewhere)
    found = ask(simulated, change, simulated.collection(*signed, simulated.status()))
    assert (found.edges, found.refusals) == ({}, {})


# --- status and revocation --------------------------------------------------------------------------


def test_without_a_status_nothing_is_decided(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    with pytest.raises(StatusExpired, match="found none"):
        ask(simulated, change, simulated.collection(*simulated.sign_change(change)))


def test_an_expired_status_decides_nothing(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    collection = simulated.collection(*simulated.sign_change(change), simulated.status(days=7))
    ask(simulated, change, collection, at=simulated.clock.now + timedelta(days=7))
    with pytest.raises(StatusExpired, match="newer one was due"):
        ask(simulated, change, collection, at=simulated.clock.now + timedelta(days=7, seconds=1))


def test_a_clock_set_back_before_the_status_decides_nothing(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    collection = simulated.collection(*simulated.sign_change(change), simulated.status())
    ask(simulated, change, collection, at=simulated.clock.now - timedelta(minutes=5))
    with pytest.raises(StatusExpired, match="clock"):
        ask(simulated, change, collection, at=simulated.clock.now - timedelta(minutes=5, seconds=1))


def test_a_status_older_than_one_seen_decides_nothing(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    collection = simulated.collection(*simulated.sign_change(change), simulated.status(number=3))
    assert ask(simulated, change, collection, seen_status=3).status.status.number == 3
    with pytest.raises(StatusExpired, match="number 4 was seen"):
        ask(simulated, change, collection, seen_status=4)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.AUTHORITY])
def test_a_status_by_anybody_but_the_authority_is_no_status(
    kind: Kind, simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    true, false = simulated.status(number=1), simulated.status(number=9, signer=simulated.who(kind))
    assert ask(simulated, change, simulated.collection(true, false)).status.name == true.name
    with pytest.raises(StatusExpired):
        ask(simulated, change, simulated.collection(false))


def test_a_status_of_another_trust_root_is_no_status(
    simulated: SimulatedAuthority, changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, change = simulated.trust, changed(a_py=(None, "1\n"))
    simulated.trust = replace(mine, repository_id="repository-2")
    other = simulated.status()
    simulated.trust = mine
    with pytest.raises(StatusExpired, match="found none"):
        ask(simulated, change, simulated.collection(other))


def test_the_newest_status_wins_whatever_else_is_offered(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    old, new = simulated.status(number=1), simulated.status(number=2)
    again = simulated.status(number=2)
    junk = simulated.status(number=10**9, signer=simulated.who(Kind.AGENT))
    odd = Statement.parse(Bundle.parse(old.raw).envelope.payload)._replace(predicate={"number": "many"})
    nonsense = simulated.sign(simulated.who(Kind.AUTHORITY), odd)
    found = ask(simulated, change, simulated.collection(again, old, junk, new, *nonsense))
    assert (found.status.status.number, found.status.name) == (2, again.name)


def test_a_status_under_a_name_that_is_not_its_own_is_no_status(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    old, new = simulated.status(number=1), simulated.status(number=2)
    renamed = [(path.replace(new.name, "0" * 64), raw) for path, raw in simulated.files([new])]
    found = ask(simulated, change, simulated.collection(old, more=renamed))
    assert found.status.status.number == 1


def test_evidence_logged_after_the_newest_status_is_inconclusive(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    status, signed = simulated.status(), simulated.sign_change(change)
    rows = cover(landing(change), ask(simulated, change, simulated.collection(status, *signed)), rules())
    assert answers(rows) == {"a.py": Answer.INCONCLUSIVE}
    assert rows[0].hint == "countermark status renew"


BUILDER = "spiffe://forge.example/agent/builder"


@pytest.mark.parametrize(
    ("later", "index", "bites"),
    [
        pytest.param(60, 10**6, False, id="revoked-later-in-time-and-in-the-log"),
        pytest.param(0, 10**6, True, id="revoked-by-time-though-logged-before-the-index"),
        pytest.param(60, 0, True, id="revoked-by-index-though-stamped-before-the-time"),
        pytest.param(60, 1, False, id="logged-just-before-the-index"),
        pytest.param(0, 0, True, id="revoked-by-both"),
    ],
)
def test_a_revocation_bites_from_a_time_or_from_a_log_index(
    later: int, index: int, *, bites: bool, simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    signed = simulated.sign_change(change)
    since = simulated.clock.now + timedelta(seconds=later)
    status = simulated.status(Revocation(RevokedKind.IDENTITY, BUILDER, since, index, "key stolen"))
    found = ask(simulated, change, simulated.collection(*signed, status))
    assert bool(found.edges) is not bites
    assert answers(cover(landing(change), found, rules())) == {"a.py": Answer.REVOKED if bites else Answer.COVERED}


MODEL = Model("lab", "asked", "answered", None, ModelSource.WIRE)
IMAGE = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("kind", "value", "bites"),
    [
        (RevokedKind.MODEL, "asked", True),
        (RevokedKind.MODEL, "answered", True),
        (RevokedKind.MODEL, "another", False),
        (RevokedKind.IMAGE, IMAGE, True),
        (RevokedKind.IMAGE, "asked", False),
        (RevokedKind.IDENTITY, "asked", False),
        (RevokedKind.KEY, BUILDER, False),
    ],
)
def test_a_model_and_an_image_can_be_revoked(
    kind: RevokedKind, value: str, *, bites: bool, simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    session = simulated.generation(change).session._replace(image_digest=IMAGE)
    models = (MODEL, Model(None, "asked", None, None, ModelSource.DECLARED))
    signed = simulated.sign_change(change, session=session, models=models)
    status = simulated.status(Revocation(kind, value, simulated.clock.now, 0, "recalled"))
    assert bool(ask(simulated, change, simulated.collection(*signed, status)).refusals) is bites


def test_a_key_can_be_revoked_and_a_claim_by_its_person(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=(None, "1\n"))
    signed = simulated.claim(change)
    key = verify(signed.raw, certificate_proof=signed.certificate_proof, trust=simulated.trust).key_sha256
    status = simulated.status(Revocation(RevokedKind.KEY, key, simulated.clock.now, 0, "stolen"))
    found = ask(simulated, change, simulated.collection(signed, status))
    assert [type(error) for error in found.refusals["a.py"]] == [Revoked]


def test_a_session_can_be_withdrawn_and_what_has_none_by_its_own_name(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    made, claimed = simulated.sign_change(change)[0], simulated.claim(change)
    own = verify(claimed.raw, certificate_proof=claimed.certificate_proof, trust=simulated.trust).pae_sha256
    for value, left in (("session-1", Kind.PERSON), (own, Kind.AGENT)):
        withdrawn = Revocation(RevokedKind.SESSION, value, simulated.clock.now, 0, "abandoned")
        found = ask(simulated, change, simulated.collection(made, claimed, simulated.status(withdrawn)))
        assert [edge.signer.kind for edge in found.edges["a.py"]] == [left]
        assert [type(error) for error in found.refusals["a.py"]] == [Revoked]


# --- spent ------------------------------------------------------------------------------------------


def passing(simulated: SimulatedAuthority, consumed: Iterable[str], **other: object) -> Verdict:
    gate = simulated.who(Kind.GATE, "ci")
    binding = Binding("repository-1", "refs/heads/main", TIP, TIP, TREE, "0" * 64, "merge", tuple(consumed))
    facts = {"outcome": Outcome.PASSED, "exit_code": 0, "gate": gate, **other}
    return Verdict(
        tool_version="1",
        evaluated=simulated.clock.now,
        score=100,
        reasons=(),
        policy_sha256="0" * 64,
        inputs=(),
        binding=binding,
        **facts,
    )


def source_of(simulated: SimulatedAuthority, signed: Signed) -> str:
    return verify(signed.raw, certificate_proof=signed.certificate_proof, trust=simulated.trust).pae_sha256


def spend(simulated: SimulatedAuthority, signed: Signed, signer: str = "ci", **other: object) -> Signed:
    verdict = passing(simulated, [source_of(simulated, signed)], **other).statement()
    return simulated.sign(simulated.who(Kind.GATE, signer), verdict)[0]


GATES = frozenset({"spiffe://forge.example/gate/ci"})


def test_a_statement_that_a_landed_verdict_used_up_covers_nothing_again(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=("1\n", "2\n"))
    signed = simulated.sign_change(change)[0]
    collection = simulated.collection(signed, spend(simulated, signed), simulated.status())
    found = ask(simulated, change, collection, gates=GATES)
    assert answers(cover(landing(change), found, rules())) == {"a.py": Answer.COVERED}
    spent = cover(landing(change, trees={TREE: 0}), found, rules())
    assert answers(spent) == {"a.py": Answer.UNACCOUNTED}
    assert "spent" in spent[0].reason


def test_a_verdict_about_a_tree_that_was_there_before_uses_nothing_up_until_it_lands(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    """A revert: what would land is what had landed once, before the statement's base."""
    change = changed(a_py=("1\n", "2\n"))
    signed = simulated.sign_change(change)[0]
    collection = simulated.collection(signed, spend(simulated, signed), simulated.status())
    found = ask(simulated, change, collection, gates=GATES)
    at_base_or_before = [cover(landing(change, trees={TREE: at}), found, rules()) for at in (1, 7)]
    assert [answers(rows) for rows in at_base_or_before] == [{"a.py": Answer.COVERED}] * 2


def test_a_spent_statement_proven_again_under_a_later_checkpoint_stays_spent(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=("1\n", "2\n"))
    signed = simulated.sign_change(change)[0]
    verdict, status = spend(simulated, signed), simulated.status()
    bundle, proof, head = Bundle.parse(signed.raw), simulated.log.inclusion(signed.log_index), simulated.log.head
    entry = bundle.entry._replace(
        tree_size=head.size, root_hash=head.root, hashes=proof.path, checkpoint=head.checkpoint
    )
    again = bundle._replace(entry=entry).encode()
    assert again != signed.raw
    from countermark_ledger.bundle import content_name

    renamed = replace(signed, name=content_name(again), raw=again)
    found = ask(simulated, change, simulated.collection(renamed, verdict, status), gates=GATES)
    assert found.edges
    assert answers(cover(landing(change, trees={TREE: 0}), found, rules())) == {"a.py": Answer.UNACCOUNTED}


def test_a_verdict_newer_than_the_status_still_uses_up(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=("1\n", "2\n"))
    signed, status = simulated.sign_change(change)[0], simulated.status()
    found = ask(simulated, change, simulated.collection(signed, status, spend(simulated, signed)), gates=GATES)
    assert found.consumed == {source_of(simulated, signed): {TREE}}


@pytest.mark.parametrize(
    "name", ["unknown-gate", "signed-by-another-gate", "failed", "revoked-gate", "forged", "unreadable"]
)
def test_nobody_elses_verdict_uses_anything_up(name: str, simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=("1\n", "2\n"))
    signed, more, revoked, gates = simulated.sign_change(change)[0], [], [], GATES
    verdict = spend(simulated, signed)
    match name:
        case "unknown-gate":
            gates = frozenset()
        case "signed-by-another-gate":
            verdict = spend(simulated, signed, "other")
        case "failed":
            verdict = spend(simulated, signed, outcome=Outcome.FAILED, exit_code=10)
        case "revoked-gate":
            revoked = [Revocation(RevokedKind.IDENTITY, next(iter(GATES)), simulated.clock.now, 0, "stolen")]
        case "forged":
            more = [(bundle_path(verdict.name), verdict.raw)]
        case "unreadable":
            statement = Statement.parse(Bundle.parse(verdict.raw).envelope.payload)
            odd = statement._replace(predicate={**statement.predicate, "x": 1})
            verdict = simulated.sign(simulated.who(Kind.GATE, "ci"), odd)[0]
    offered = [signed, simulated.status(*revoked), *([] if more else [verdict])]
    found = ask(simulated, change, simulated.collection(*offered, more=more), gates=gates)
    assert found.edges
    assert found.consumed == {}


# --- coverage ---------------------------------------------------------------------------------------


def edge(before: str | None, after: str | None, index: int | None = 1, **other: object) -> Edge:
    sides = [None if text is None else Node.of_blob(Mode.FILE, text.encode()) for text in (before, after)]
    facts = {"signer": Identity("forge.example", Kind.PERSON, "p1"), "source": "s", "base": BASE, **other}
    return Edge(*sides, index=index, **facts)


def given_edges(found: Evidence, *edges: Edge, path: str = "a.py") -> Evidence:
    return replace(found, edges={path: list(edges)})


@pytest.fixture
def nothing(simulated: SimulatedAuthority, changed: Changed) -> Evidence:
    return ask(simulated, changed(a_py=(None, "x")), simulated.collection(simulated.status()))


A_TO_B = Change.of([Transition("a.py", Node.of_blob(Mode.FILE, b"A"), Node.of_blob(Mode.FILE, b"B"))])


@pytest.mark.parametrize(
    ("edges", "answer"),
    [
        pytest.param([], Answer.UNACCOUNTED, id="no-evidence"),
        pytest.param([edge("A", "B")], Answer.COVERED, id="one-step"),
        pytest.param([edge("A", "C", 1), edge("C", "B", 2)], Answer.COVERED, id="two-steps-in-log-order"),
        pytest.param([edge("A", "C", 2), edge("C", "B", 1)], Answer.UNACCOUNTED, id="two-steps-in-the-wrong-order"),
        pytest.param([edge("A", "C", 2), edge("C", "B", 2)], Answer.UNACCOUNTED, id="two-steps-at-one-index"),
        pytest.param([edge("B", "A", 1)], Answer.UNACCOUNTED, id="the-other-way-round"),
        pytest.param([edge(None, "B", 1)], Answer.UNACCOUNTED, id="replay-absent-to-b-after-a-deletion"),
        pytest.param([edge("A", None, 1)], Answer.UNACCOUNTED, id="deleted-by-its-signer"),
        pytest.param([edge("A", "B", 1, base="0" * 40)], Answer.UNACCOUNTED, id="from-a-base-off-the-line"),
    ],
)
def test_a_chain_leads_from_the_tip_to_what_would_land(edges: list[Edge], answer: Answer, nothing: Evidence) -> None:
    rows = cover(landing(A_TO_B), given_edges(nothing, *edges), rules())
    assert answers(rows) == {"a.py": answer}
    assert (rows[0].reason == "") is (answer is Answer.COVERED)


def test_a_row_that_is_not_covered_says_why_and_what_to_run(nothing: Evidence) -> None:
    reasons = {
        name: cover(landing(A_TO_B), given_edges(nothing, *edges), rules())[0]
        for name, edges in {
            "none": [],
            "absent": [edge("A", None)],
            "other": [edge("A", "C", None)],
            "old": [edge("A", "B", base="0")],
        }.items()
    }
    assert reasons["none"].reason == "no signed statement accounts for it"
    assert "content is absent" in reasons["absent"].reason
    assert "content is 100644" in reasons["other"].reason
    assert "spent or from a base" in reasons["old"].reason
    assert all("countermark claim a.py" in row.hint for row in reasons.values())


@pytest.mark.parametrize("merged", [False, True], ids=["at-the-tip", "merged-by-git"])
def test_an_end_that_was_signed_on_top_of_something_else_is_mended_by_naming_the_base(
    nothing: Evidence, *, merged: bool
) -> None:
    ours = Node.of_blob(Mode.FILE, b"C" if merged else b"B")
    sides = {"at_base": {"a.py": None}, "at_head": {"a.py": ours}} if merged else {}
    signed = given_edges(nothing, edge("older", "C" if merged else "B"))
    row = cover(landing(A_TO_B, base=BASE, **sides), signed, rules())[0]
    assert row.answer is Answer.UNACCOUNTED
    assert "on top of something else" in row.reason
    assert f"countermark claim --base {BASE} a.py" in row.hint


def test_a_result_that_was_already_on_the_ref_since_the_base_is_spent(nothing: Evidence) -> None:
    found = given_edges(nothing, edge("A", "B"))
    b = Node.of_blob(Mode.FILE, b"B")
    for at, answer in ((0, Answer.UNACCOUNTED), (1, Answer.COVERED), (2, Answer.COVERED)):
        assert answers(cover(landing(A_TO_B, passed={"a.py": [(at, b)]}), found, rules())) == {"a.py": answer}


@pytest.mark.parametrize(
    ("base", "head", "edges", "answer"),
    [
        pytest.param("O", "H", [edge("O", "H")], Answer.COVERED, id="the-side-that-was-merged-is-covered"),
        pytest.param("O", "O", [], Answer.UNACCOUNTED, id="a-side-that-changed-nothing-explains-nothing"),
        pytest.param("O", "H", [], Answer.UNACCOUNTED, id="the-side-has-no-evidence"),
    ],
)
def test_a_three_way_merge_of_a_covered_side_is_covered(
    base: str, head: str, edges: list[Edge], answer: Answer, nothing: Evidence
) -> None:
    sides = {
        name: {"a.py": Node.of_blob(Mode.FILE, text.encode())} for name, text in (("at_base", base), ("at_head", head))
    }
    assert answers(cover(landing(A_TO_B, **sides), given_edges(nothing, *edges), rules())) == {"a.py": answer}


def test_a_refused_path_can_be_covered_by_nobody(nothing: Evidence) -> None:
    rows = cover(landing(A_TO_B, refused={"a.py": "bidi", "z": "x"}), given_edges(nothing, edge("A", "B")), rules())
    assert [(row.path, row.answer, row.reason) for row in rows] == [
        ("a.py", Answer.UNACCOUNTED, "bidi"),
        ("z", Answer.UNACCOUNTED, "x"),
    ]


def test_the_policy_may_ask_for_other_agents_and_stronger_evidence(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1\n"))
    signed = simulated.sign_change(change, evidence=Level.ASSERTED)
    found = ask(simulated, change, simulated.collection(*signed, simulated.status()))
    weak = cover(landing(change), found, rules())[0]
    assert (weak.answer, weak.hint) == (Answer.POLICY, "countermark claim a.py")
    assert "asserted, the policy asks for observed" in weak.reason
    unlisted = cover(landing(change), found, rules(agents=frozenset(), minimum=Level.ASSERTED))[0]
    assert (unlisted.answer, "not on the policy's list" in unlisted.reason) == (Answer.POLICY, True)
    listed = rules(agents={BUILDER}, minimum=Level.ASSERTED)
    assert answers(cover(landing(change), found, listed)) == {"a.py": Answer.COVERED}


def test_an_agent_without_an_account_covers_nothing(nothing: Evidence) -> None:
    agent = Identity("forge.example", Kind.AGENT, "builder")
    row = cover(landing(A_TO_B), given_edges(nothing, edge("A", "B", signer=agent)), rules())[0]
    assert (row.answer, "signed no generation" in row.reason) == (Answer.POLICY, True)


def test_a_commit_that_a_platform_signed_for_an_agent_is_asserted_and_follows_the_rules_for_agents(
    nothing: Evidence,
) -> None:
    agent = Identity("forge.example", Kind.AGENT, "builder")
    found = given_edges(nothing, edge("A", "B", signer=agent, index=None))
    asserted = rules(minimum=Level.ASSERTED)
    assert answers(cover(landing(A_TO_B), found, asserted)) == {"a.py": Answer.COVERED}
    for stricter in (
        rules(),
        rules(minimum=Level.ASSERTED, agents=frozenset()),
        rules(minimum=Level.ASSERTED, protected=lambda _path: True),
    ):
        assert cover(landing(A_TO_B), found, stricter)[0].answer in {Answer.POLICY, Answer.UNACCOUNTED}


def test_nobody_but_agents_and_people_answers_by_a_signed_commit(nothing: Evidence) -> None:
    gate = Identity("forge.example", Kind.GATE, "local")
    found = given_edges(nothing, edge("A", "B", signer=gate, index=None))
    assert answers(cover(landing(A_TO_B), found, rules(minimum=Level.ASSERTED))) == {"a.py": Answer.POLICY}


@pytest.mark.parametrize("protected", [False, True])
def test_why_a_signed_commit_does_not_count_is_said_once_and_only_where_nothing_else_accounts(
    nothing: Evidence, *, protected: bool
) -> None:
    error = WrongIdentity("commit 1: not you", hint="git log")
    nothing.unusable["a.py"] = [error, error]
    row = cover(landing(A_TO_B), nothing, rules(protected=lambda _path: protected))[0]
    assert (row.answer, row.reason.count("commit 1: not you")) == (Answer.UNACCOUNTED, 1)
    assert row.hint == ("countermark claim a.py" if protected else "git log")
    nothing.unusable["a.py"] = [WrongIdentity("commit 1: not you")]
    assert "countermark" in cover(landing(A_TO_B), nothing, rules())[0].hint
    covered = cover(landing(A_TO_B), given_edges(nothing, edge("A", "B")), rules(protected=lambda _path: protected))
    assert answers(covered) == {"a.py": Answer.COVERED}


def test_what_something_else_answered_is_taken_as_it_is_but_where_nothing_may_cover_the_path(
    nothing: Evidence,
) -> None:
    given = {path: Row(path, Answer.COVERED, reason="by its checkpoint") for path in ("a.py", "elsewhere")}
    answered = replace(landing(A_TO_B), answered=given)
    strict = rules(protected=lambda _path: True)
    assert cover(answered, nothing, strict) == (given["a.py"],)
    refused = cover(replace(answered, refused={"a.py": "a name"}), nothing, strict)
    assert answers(refused) == {"a.py": Answer.UNACCOUNTED}


def test_people_and_only_people_answer_for_protected_paths(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=("1\n", "2\n"))
    bundles = [*simulated.sign_change(change), simulated.claim(change, "p1"), simulated.claim(change, "p1")]
    more = simulated.claim(change, "p2")
    status = simulated.status()
    strict = rules(protected=lambda _path: True, people_for_protected=2)
    one = cover(landing(change), ask(simulated, change, simulated.collection(*bundles, status)), strict)[0]
    assert (one.answer, "expected 2 people" in one.reason, "found 1" in one.reason) == (Answer.UNACCOUNTED, True, True)
    two = ask(simulated, change, simulated.collection(*bundles, more, status))
    row = cover(landing(change), two, strict)[0]
    assert (row.answer, {str(edge.signer) for edge in row.chain}) == (
        Answer.COVERED,
        {"spiffe://forge.example/person/p1", "spiffe://forge.example/person/p2"},
    )


@pytest.mark.parametrize("protected", [False, True])
def test_a_person_whom_the_policy_does_not_name_answers_for_nothing(
    simulated: SimulatedAuthority, changed: Changed, *, protected: bool
) -> None:
    change = changed(a_py=("1\n", "2\n"))
    found = ask(simulated, change, simulated.collection(simulated.claim(change, "p9"), simulated.status()))
    row = cover(landing(change), found, rules(protected=lambda _path: protected))[0]
    assert row.answer is (Answer.UNACCOUNTED if protected else Answer.POLICY)
    assert ("found 0" if protected else "person/p9 is not named") in row.reason


def test_a_protected_path_says_that_evidence_was_forged(simulated: SimulatedAuthority, changed: Changed) -> None:
    change = changed(a_py=("1\n", "2\n"))
    signed = simulated.claim(change)
    found = ask(
        simulated, change, simulated.collection(simulated.status(), more=[(bundle_path(signed.name), signed.raw)])
    )
    assert answers(cover(landing(change), found, rules(protected=lambda _path: True))) == {"a.py": Answer.FORGED}


def test_a_claim_covers_whatever_level_of_evidence_is_asked_for(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=("1\n", "2\n"))
    found = ask(simulated, change, simulated.collection(simulated.claim(change), simulated.status()))
    assert answers(cover(landing(change), found, rules(minimum=Level.BOXED, agents=frozenset()))) == {
        "a.py": Answer.COVERED
    }


# --- chains -----------------------------------------------------------------------------------------


def test_an_empty_chain_leads_only_to_the_same_node() -> None:
    node = Node.of_blob(Mode.FILE, b"A")
    assert chain.find(node, node, []) == ()
    assert chain.find(node, Node.of_blob(Mode.SYMLINK, b"A"), []) is None
    assert chain.find(None, None, []) == ()


def test_a_signed_commit_may_stand_anywhere_in_a_chain() -> None:
    steps = [edge("A", "B", None), edge("B", "C", 1), edge("C", "D", None), edge("D", "E", 2), edge("E", "F", None)]
    nodes = [Node.of_blob(Mode.FILE, text.encode()) for text in "ABCDEF"]
    assert chain.find(nodes[0], nodes[-1], steps[::-1]) == tuple(steps)


nodes_ = st.sampled_from([None, *"ABC"])
edges_ = st.lists(st.builds(edge, nodes_, nodes_, st.none() | st.integers(0, 5)), max_size=7)


@given(edges_, nodes_, nodes_)
def test_a_chain_is_found_exactly_when_one_exists(edges: list[Edge], start: str | None, goal: str | None) -> None:
    begin, end = (None if text is None else Node.of_blob(Mode.FILE, text.encode()) for text in (start, goal))
    found = chain.find(begin, end, edges)
    reachable = {(begin, -1)}
    while True:  # every (node, last index) that any order of edges can reach
        more = {
            (e.after, at if e.index is None else e.index)
            for e in edges
            for node, at in reachable
            if e.before == node and (e.index is None or e.index > at)
        }
        if more <= reachable:
            break
        reachable |= more
    assert (found is not None) is any(node == end for node, _ in reachable)
    if found:
        indices = [step.index for step in found if step.index is not None]
        assert indices == sorted(set(indices))
        assert [step.before for step in found] == [begin, *(step.after for step in found[:-1])]
        assert found[-1].after == end
