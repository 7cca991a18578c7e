"""What was signed together counts together, what the ref has been is spent, and nobody else's word changes either."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import chain, wholeness
from countermark_ledger import testimony as heard
from countermark_ledger.chain import Edge
from countermark_ledger.coverage import Answer, Landing, cover
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Mode, Node, Transition
from countermark_ledger.objections import Asked, Rules
from countermark_ledger.predicates.generation import Evidence as Level
from countermark_ledger.staleness import fresh
from countermark_ledger.testimony import Word

BASE = "b" * 40
CODER, OTHER = (Identity("forge.example", Kind.AGENT, name) for name in ("coder", "other"))
ADA = Identity("forge.example", Kind.PERSON, "ada")
ANYBODY = Rules(lambda _path: Asked(Level.ASSERTED), {str(ADA)}, lambda _path: False, 1)


def node(text: str | None) -> Node | None:
    return None if text is None else Node.of_blob(Mode.FILE, text.encode())


def edge(
    before: str | None,
    after: str | None,
    index: int | None = 1,
    *,
    source: str = "s1",
    signer: Identity = CODER,
    base: str = BASE,
) -> Edge:
    return Edge(node(before), node(after), signer, source, base, index)


def said(**edges: list[Edge]) -> heard.Testimony:
    """Make a testimony of edges by path (`_` is a dot); every source is asserted."""
    by_path = {path.replace("_", "."): found for path, found in edges.items()}
    sources = {one.source for found in by_path.values() for one in found}
    return heard.Testimony(by_path, {source: Word(Level.ASSERTED) for source in sources})


def landing(*rows: tuple[str, str | None, str | None], **other: object) -> Landing:
    transitions = [Transition(path, node(before), node(after)) for path, before, after in rows]
    facts = {"refused": {}, "positions": {BASE: 1}, "trees": frozenset(), "passed": {}, "base": BASE, **other}
    return Landing(transitions, **facts)


def answers(land: Landing, testimony: heard.Testimony, rules: Rules = ANYBODY) -> dict[str, Answer]:
    return {row.path: row.answer for row in cover(land, testimony, rules)}


def still(**nodes: str | None) -> dict[str, Node | None]:
    return {path.replace("_", "."): node(text) for path, text in nodes.items()}


# --- picking rows -----------------------------------------------------------------------------------

BOTH = {"app_py": [edge("A", "B")], "guard_py": [edge(None, "G")]}


def test_a_row_that_was_signed_together_with_one_that_is_left_out_covers_nothing() -> None:
    row = cover(landing(("app.py", "A", "B"), still=still(guard_py=None)), said(**BOTH), ANYBODY)[0]
    assert (row.answer, row.chain) == (Answer.UNACCOUNTED, ())
    assert "signed together with changes that would not land: guard.py" in row.reason
    assert row.hint == f"countermark claim --base {BASE} app.py"


def test_many_rows_that_are_left_out_are_named_up_to_a_number() -> None:
    paths = [f"f{number}.py" for number in range(7)]
    testimony = said(app_py=[edge("A", "B")])
    testimony.edges |= {path: [edge(None, "G")] for path in paths}
    land = landing(("app.py", "A", "B"), still=dict.fromkeys(paths))
    assert cover(land, testimony, ANYBODY)[0].reason.endswith("f0.py, f1.py, f2.py, f3.py, f4.py, ...")


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        pytest.param([], Answer.UNACCOUNTED, id="by-nobody"),
        pytest.param([edge("G", None, 2, source="s2")], Answer.COVERED, id="by-a-later-statement"),
        pytest.param([edge("G", None, None, source="commit:c")], Answer.COVERED, id="by-a-signed-commit"),
        pytest.param([edge("G", None, 0, source="s2")], Answer.UNACCOUNTED, id="by-an-older-statement"),
        pytest.param([edge("G", None, 2, source="s2", base="0" * 40)], Answer.UNACCOUNTED, id="by-one-from-elsewhere"),
        pytest.param(
            [edge("G", "H", 2, source="s2"), edge("H", None, 3, source="s3", signer=ADA)],
            Answer.COVERED,
            id="by-two-in-a-row",
        ),
        pytest.param([edge("G", "H", 2, source="s2")], Answer.UNACCOUNTED, id="into-something-else"),
        pytest.param(
            [edge("G", None, 2, source="s2", signer=Identity("forge.example", Kind.PERSON, "nobody"))],
            Answer.UNACCOUNTED,
            id="by-somebody-whom-the-policy-does-not-name",
        ),
    ],
)
def test_a_row_may_be_taken_back_by_whoever_answers_for_it(more: list[Edge], answer: Answer) -> None:
    testimony = said(app_py=BOTH["app_py"], guard_py=[*BOTH["guard_py"], *more])
    assert answers(landing(("app.py", "A", "B"), still=still(guard_py=None)), testimony) == {"app.py": answer}


def test_what_takes_a_row_back_must_be_whole_itself() -> None:
    """Else one picks from the second statement what makes it right to pick from the first."""
    undo = {
        "guard_py": [*BOTH["guard_py"], edge("G", None, 2, source="s2")],
        "other_py": [edge(None, "O", 2, source="s2")],
    }
    testimony = said(app_py=BOTH["app_py"], **undo)
    land = landing(("app.py", "A", "B"), still=still(guard_py=None, other_py=None))
    assert answers(land, testimony) == {"app.py": Answer.UNACCOUNTED}
    testimony.edges["other.py"].append(edge("O", None, 3, source="s3"))
    testimony.words["s3"] = Word(Level.ASSERTED)
    assert answers(land, testimony) == {"app.py": Answer.COVERED}


def test_a_row_that_arrived_by_another_way_did_come_along() -> None:
    testimony = said(**BOTH)
    assert answers(landing(("app.py", "A", "B"), still=still(guard_py="G")), testimony) == {"app.py": Answer.COVERED}


def test_a_path_that_differs_is_answered_for_on_its_own() -> None:
    land = landing(("app.py", "A", "B"), ("guard.py", None, "weak"))
    assert answers(land, said(**BOTH)) == {"app.py": Answer.COVERED, "guard.py": Answer.UNACCOUNTED}


@pytest.mark.parametrize(
    ("base", "head", "answer"),
    [
        pytest.param(None, "G", Answer.COVERED, id="the-head-has-it-and-git-merged-it"),
        pytest.param(None, None, Answer.UNACCOUNTED, id="the-head-left-it-out"),
        pytest.param("G", "G", Answer.UNACCOUNTED, id="the-head-did-not-bring-it"),
    ],
)
def test_what_git_made_of_a_row_in_a_merge_is_no_ones_choice(
    base: str | None, head: str | None, answer: Answer
) -> None:
    sides = {"at_base": still(guard_py=base), "at_head": still(guard_py=head)}
    land = landing(("app.py", "A", "B"), still=still(guard_py="G and more"), **sides)
    assert answers(land, said(**BOTH)) == {"app.py": answer}


def test_parts_of_one_change_are_whole_together() -> None:
    testimony = said(app_py=[edge("A", "B", source="p1")], guard_py=[edge(None, "G", 2, source="p2")])
    land = landing(("app.py", "A", "B"), still=still(guard_py=None))
    assert answers(land, testimony) == {"app.py": Answer.COVERED}
    testimony.parts |= {"p1": "p1", "p2": "p1"}
    assert answers(land, testimony) == {"app.py": Answer.UNACCOUNTED}


def test_a_statement_that_was_logged_again_is_not_left_out_twice() -> None:
    again = [edge(None, "G", 1), edge("G", None, 2, source="s2"), edge(None, "G", 3)]
    testimony = said(app_py=BOTH["app_py"], guard_py=again)
    assert answers(landing(("app.py", "A", "B"), still=still(guard_py=None)), testimony) == {"app.py": Answer.COVERED}


def test_a_protected_path_asks_for_whole_statements_too() -> None:
    strict = Rules(ANYBODY.asked, ANYBODY.people, lambda _path: True, 1)
    both = {"app_py": [edge("A", "B", signer=ADA)], "guard_py": [edge(None, "G", signer=ADA)]}
    row = cover(landing(("app.py", "A", "B"), still=still(guard_py=None)), said(**both), strict)[0]
    assert (row.answer, "guard.py" in row.reason) == (Answer.UNACCOUNTED, True)
    arrived = landing(("app.py", "A", "B"), still=still(guard_py="G"))
    assert answers(arrived, said(**both), strict) == {"app.py": Answer.COVERED}


def test_another_statement_covers_what_one_that_is_set_aside_does_not() -> None:
    testimony = said(app_py=[edge("A", "B"), edge("A", "B", 2, source="s2")], guard_py=[edge(None, "G")])
    rows = cover(landing(("app.py", "A", "B"), still=still(guard_py=None)), testimony, ANYBODY)
    assert [(row.answer, [one.source for one in row.chain]) for row in rows] == [(Answer.COVERED, ["s2"])]


def test_what_would_cover_nothing_anyway_is_not_blamed_on_what_was_left_out() -> None:
    row = cover(landing(("app.py", "A", "Z"), still=still(guard_py=None)), said(**BOTH), ANYBODY)[0]
    assert (row.answer, "signed together" in row.reason) == (Answer.UNACCOUNTED, False)


def test_statements_that_wait_for_each_other_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes back a row of the one before, and the last of them is not whole: so none is."""
    names = [f"f{number}.py" for number in range(6)]
    testimony = said(app_py=[edge("A", "B", source="s0")])
    for number, (name, following) in enumerate(pairwise([*names, "end.py"])):
        testimony.edges.setdefault(name, []).append(edge(None, "G", number, source=f"s{number}"))
        testimony.edges[name].append(edge("G", None, number + 1, source=f"s{number + 1}"))
        testimony.edges.setdefault(following, [])
    testimony.edges["end.py"].append(edge(None, "G", 9, source="s6"))
    testimony.words = {f"s{number}": Word(Level.ASSERTED) for number in range(7)}
    land = landing(("app.py", "A", "B"), still=dict.fromkeys([*names, "end.py"]))
    assert answers(land, testimony) == {"app.py": Answer.UNACCOUNTED}
    monkeypatch.setattr(wholeness, "MAX_ROUNDS", 2)
    assert answers(land, testimony) == {"app.py": Answer.UNACCOUNTED}
    testimony.edges["end.py"].append(edge("G", None, 10, source="s7"))
    testimony.words["s7"] = Word(Level.ASSERTED)
    assert answers(land, testimony) == {"app.py": Answer.COVERED}


def test_only_what_a_chain_could_use_needs_to_be_whole() -> None:
    testimony = said(app_py=[edge("A", "B"), edge("A", "X", 2, source="abandoned"), edge("X", "Y", 3, source="on")])
    assert wholeness.needed(landing(("app.py", "A", "B")), testimony) == {"s1"}
    assert wholeness.begun(landing(("app.py", "A", "B")), testimony) == {"s1", "abandoned", "on"}
    sides = {"at_base": still(app_py="A"), "at_head": still(app_py="Y")}
    assert wholeness.needed(landing(("app.py", "A", "M"), **sides), testimony) == {"abandoned", "on"}


def test_what_leads_on_to_what_is_there_needs_to_be_whole_as_well() -> None:
    testimony = said(guard_py=[edge(None, "G"), edge("G", None, 2, source="s2"), edge("G", "Z", 3, source="s3")])
    testimony.edges["app.py"] = [edge("A", "B")]
    land = landing(("app.py", "A", "B"), still=still(guard_py=None))
    assert wholeness.needed(land, testimony) == {"s1", "s2"}
    merged = {"at_base": still(guard_py=None), "at_head": still(guard_py="Z")}
    assert wholeness.needed(landing(("app.py", "A", "B"), still=still(guard_py="M"), **merged), testimony) == {
        "s1",
        "s3",
    }


# --- what is spent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("later", "spent"),
    [
        pytest.param([edge("B", "C", 2)], True, id="by-its-own-signer"),
        pytest.param([edge("B", "C", 2, signer=ADA)], True, id="by-a-person"),
        pytest.param([edge("B", "C", None, signer=ADA)], True, id="by-a-persons-commit"),
        pytest.param([edge("B", "C", 2, signer=OTHER)], False, id="by-another-agent"),
        pytest.param([edge("B", "C", 0)], False, id="by-what-came-before-it"),
        pytest.param([edge("B", "X", 2)], False, id="into-something-else"),
        pytest.param([edge("B", "X", 2), edge("X", "C", 3)], True, id="in-two-steps"),
    ],
)
def test_a_step_of_what_was_squashed_is_spent_with_it(later: list[Edge], *, spent: bool) -> None:
    first = edge("A", "B")
    testimony = said(app_py=[first, *later])
    for at, bites in ((0, spent), (1, False)):
        land = landing(("app.py", "A", "B"), passed={"app.py": [(at, node("C"))]})
        assert (first not in fresh("app.py", land, testimony)) is bites


# --- properties -------------------------------------------------------------------------------------

TEXTS = st.sampled_from([None, *"ABC"])


def edges_by(signer: Identity, prefix: str) -> st.SearchStrategy[list[Edge]]:
    one = st.tuples(TEXTS, TEXTS, st.none() | st.integers(0, 5), st.integers(0, 2)).filter(lambda e: e[0] != e[1])
    return st.lists(one, max_size=6).map(
        lambda found: [edge(b, a, i, source=f"{prefix}{n}", signer=signer) for b, a, i, n in found]
    )


def onward(begin: Edge, goal: Node | None, edges: Sequence[Edge]) -> bool:
    """Whether any order of later edges leads from what an edge made to a node: every way is tried."""
    reached = {(begin.after, -1 if begin.index is None else begin.index)}
    while True:
        more = {
            (e.after, at if e.index is None else e.index)
            for here, at in reached
            for e in edges
            if e.before == here and (e.index is None or e.index > at)
        }
        if more <= reached:
            return goal in {here for here, _ in reached}
        reached |= more


@given(edges_by(CODER, "s"), TEXTS)
def test_an_edge_leads_to_a_node_exactly_when_some_way_does(edges: list[Edge], goal: str | None) -> None:
    begins = chain.leading(node(goal), edges)
    assert [chain.leads(one, begins) for one in edges] == [onward(one, node(goal), edges) for one in edges]


@given(edges_by(CODER, "s"), TEXTS, TEXTS)
def test_what_lies_between_two_nodes_has_every_chain_there_is(edges: list[Edge], start: str | None, goal: str) -> None:
    kept = chain.between(node(start), node(goal), edges)
    assert chain.find(node(start), node(goal), kept) == chain.find(node(start), node(goal), edges)
    assert set(kept) <= set(edges)


PATHS = ("app.py", "guard.py", "other.py")


def by_path(draw: st.DataObject, signer: Identity, prefix: str) -> dict[str, list[Edge]]:
    """Statements with at most one row of each path, as statements are."""
    found: dict[str, list[Edge]] = {}
    for path in PATHS:
        once: dict[str, Edge] = {one.source: one for one in draw.draw(edges_by(signer, prefix))}
        found[path] = list(once.values())
    return found


def joined(parts: Iterable[dict[str, list[Edge]]]) -> heard.Testimony:
    edges = {path: [one for part in parts for one in part[path]] for path in PATHS}
    sources = {one.source for found in edges.values() for one in found}
    return heard.Testimony(edges, {source: Word(Level.ASSERTED) for source in sources})


@given(st.data(), TEXTS, TEXTS, TEXTS, st.lists(st.tuples(st.integers(0, 1), TEXTS), max_size=2))
def test_what_another_agent_signs_never_takes_an_answer_away(
    data: st.DataObject, after: str | None, guard: str | None, other: str | None, passed: list[tuple[int, str | None]]
) -> None:
    """Whoever is enrolled may sign what they like: it can give answers, and take nobody's (ATTACKS.md, replay)."""
    rows = [("app.py", "start", after)]
    there = {"guard.py": node(guard), "other.py": node(other)}
    history = {"app.py": [(at, node(text)) for at, text in passed]}
    land = landing(*rows, still=there, passed=history)
    own = by_path(data, CODER, "own")
    own["app.py"].append(edge("start", after, 3, source="own0"))
    theirs = by_path(data, OTHER, "theirs")
    if answers(land, joined([own])) == {"app.py": Answer.COVERED}:
        assert answers(land, joined([own, theirs])) == {"app.py": Answer.COVERED}
