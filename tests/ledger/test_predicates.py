"""Every predicate accepts exactly what it emits. One table of samples, and every second spelling of each."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import canonical
from countermark_ledger.errors import Incomplete, LedgerError, Malformed, TooLarge, WrongStatement
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.commitment import Commitment
from countermark_ledger.predicates.enrolment import Enrolment
from countermark_ledger.predicates.generation import Evidence, Generation, Model, ModelSource, Session, Target
from countermark_ledger.predicates.policy_change import PolicyChange
from countermark_ledger.predicates.rows import ROWS_PER_PART, Part, join, split
from countermark_ledger.predicates.scan import Ran, Result, Scan
from countermark_ledger.predicates.status import Revocation, RevokedKind, Status
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.statement import Statement

AT = datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)
A, B, C = ("a" * 64, "b" * 64, "c" * 64)
AGENT = Identity("forge.example", Kind.AGENT, "builder")
ANNA = Identity("forge.example", Kind.PERSON, "p1")
BERT = Identity("forge.example", Kind.PERSON, "p2")
GATE = Identity("forge.example", Kind.GATE, "ci")
OBSERVER = Identity("forge.example", Kind.OBSERVER, "local")
ROWS = Change.of(
    [
        Transition("a.py", None, Node.of_blob(Mode.FILE, b"1")),
        Transition("b.py", Node.of_blob(Mode.FILE, b"1"), None),
        Transition("c.py", Node.of_blob(Mode.FILE, b"1"), Node.of_blob(Mode.EXECUTABLE, b"1")),
    ]
)
TARGET = Target("repository-1", "refs/heads/main", "b" * 40)
SESSION = Session("session-1", AT, AT, OBSERVER, "codex", "1.2", f"sha256:{A}", "strict")
BARE = Session("session-1", AT, AT, OBSERVER, "command", None, None, None)
MODEL = Model("openai", "gpt", "gpt-2026", "https://api.example", ModelSource.WIRE)
COMMITMENT = Commitment.of("fix the bug", b"\7" * 32)
BINDING = Binding("repository-1", "refs/heads/main", "d" * 40, "e" * 40, "f" * 40, A, "merge", (B, C))
PART = split(ROWS)[0]

SAMPLES = {
    "generation": Generation(
        AGENT,
        TARGET,
        Evidence.BOXED,
        SESSION,
        PART,
        (MODEL, Model(None, "gpt", None, None, ModelSource.DECLARED)),
        ("shell",),
        ("reviewer",),
        ("@secure",),
        COMMITMENT,
        COMMITMENT,
        COMMITMENT,
        ANNA,
    ),
    "bare-generation": Generation(AGENT, TARGET, Evidence.ASSERTED, BARE, PART),
    "claim": Claim(ANNA, TARGET, PART),
    "approval": Approval(ANNA, "repository-1", "refs/heads/main", "d" * 40, "e" * 40, A, "an SSH signature"),
    "bare-approval": Approval(ANNA, "repository-1", "refs/heads/main", "d" * 40, "e" * 40, A),
    "waiver-of-a-finding": WaiverRequest(
        "repository-1", "a.py", A, None, None, AGENT, ANNA, "false alarm", 7, AT, AT, 1, "an SSH signature"
    ),
    "waiver-of-a-file": WaiverRequest(
        "repository-1", "a.bin", None, Mode.FILE, A, AGENT, ANNA, "a picture", 0, None, AT, None
    ),
    "waiver-approval": WaiverApproval(A, BERT, "an SSH signature"),
    "bare-waiver-approval": WaiverApproval(A, BERT),
    "waiver-revocation": WaiverRevocation(A, ANNA, "fixed", "an SSH signature"),
    "bare-waiver-revocation": WaiverRevocation(A, ANNA, "fixed"),
    "policy-change": PolicyChange(ANNA, "repository-1", 1, A),
    "enrolment": Enrolment(A, AGENT, ANNA, ("gpt",), (), rotation=False),
    "key-rotation": Enrolment(A, ANNA, None, (), ("SHA256:abc",), rotation=True),
    "scan": Scan(A, (Ran("bandit", "1.9", B, "2026-11-01"), Ran("ruff", "0.1", C, None)), C, Result.WARNED),
    "status": Status(A, 1, 9, AT, AT, (Revocation(RevokedKind.MODEL, "gpt", AT, 1, "recalled"),)),
    "verdict": Verdict(
        GATE, "0.1.0", AT, Outcome.PASSED, 0, 92, (), A, (B, C), BINDING, (A,), (B, C), ((str(AGENT), 8),)
    ),
    "refusing-verdict": Verdict(GATE, "0.1.0", AT, Outcome.INCONCLUSIVE, 20, 1, ("20: why",), A, (), BINDING),
}
Path = tuple[str | int, ...]


def _reader(sample: Any) -> Callable[[Statement], Any]:
    return type(sample).parse


def _places(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    yield path, value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from _places(member, (*path, key))


def _set(document: Any, path: Path, change: Callable[[Any, Any], None]) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return changed


def _second_spellings() -> Iterator[tuple[str, object, Any]]:
    for name, sample in SAMPLES.items():
        document = canonical.loads(sample.statement().encode())
        for path, value in _places(document):
            where = f"{name}:{'.'.join(map(str, path))}"
            if isinstance(value, dict):
                yield f"{where}+x", sample, _set({"_": document}, ("_", *path), lambda h, k: h[k].update(zz="x"))["_"]
            if path and isinstance(path[-1], str):
                yield f"{where}-gone", sample, _set(document, path, lambda h, k: h.pop(k))
            for kind, other in _retyped(value):
                if path:
                    yield (
                        f"{where}={kind}",
                        sample,
                        _set(
                            document,
                            path,
                            lambda h, k, o=other: h.update({k: o}) if isinstance(h, dict) else h.__setitem__(k, o),
                        ),
                    )


def _retyped(value: object) -> Iterator[tuple[str, object]]:
    match value:
        case bool() | None:
            yield "number", 0
            yield "list", []
        case int():
            yield "text", str(value)
            yield "true", True
            yield "null", None
            yield "negative", -1
        case str():
            yield "number", 7
            yield "list", [value]
        case list():
            yield "null", None
            yield "object", {}
        case dict():
            yield "list", []
            yield "text", "x"


OTHER_WORDS = {"waiver-of-a-finding:predicate.uses=null", "waiver-of-a-file:predicate.uses=number"}
"""A number of uses and any number are two things to say, not two spellings of one."""
SECOND_SPELLINGS = [one for one in _second_spellings() if one[0] not in OTHER_WORDS]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_statement_reads_back_as_itself(name: str) -> None:
    sample = SAMPLES[name]
    statement = Statement.parse(sample.statement().encode())
    assert statement == sample.statement()
    assert _reader(sample)(statement) == sample


def test_there_are_second_spellings_of_every_sample() -> None:
    assert {where.split(":")[0] for where, _, _ in SECOND_SPELLINGS} == set(SAMPLES)
    assert len(SECOND_SPELLINGS) > 1000


@pytest.mark.parametrize("name", SAMPLES)
def test_an_extra_a_missing_and_a_retyped_field_are_refused_everywhere(name: str) -> None:
    tried = 0
    for where, sample, document in SECOND_SPELLINGS:
        if where.split(":")[0] == name:
            tried += 1
            with pytest.raises(LedgerError):
                pytest.fail(f"{where} was read as {_reader(sample)(Statement.parse(canonical.dumps(document)))}")
    assert tried > 20


@pytest.mark.parametrize("name", SAMPLES)
def test_a_statement_of_another_type_is_refused(name: str) -> None:
    statement = SAMPLES[name].statement()._replace(predicate_type="https://example.com/other/v1")
    with pytest.raises(WrongStatement, match=r"example\.com/other/v1"):
        _reader(SAMPLES[name])(statement)


def _predicate(name: str, **other: object) -> Statement:
    statement = SAMPLES[name].statement()
    return statement._replace(predicate={**statement.predicate, **other})


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        pytest.param("generation", "internalParameters.evidence", "sworn", id="level-of-evidence-that-does-not-exist"),
        pytest.param(
            "generation", "internalParameters.agent.models.0.source", "rumour", id="source-that-does-not-exist"
        ),
        pytest.param("generation", "internalParameters.agent.id", "builder", id="agent-that-is-no-identity"),
        pytest.param("generation", "externalParameters.operator", str(AGENT), id="operator-that-is-no-person"),
        pytest.param("generation", "internalParameters.changesSha256", A, id="digest-of-other-rows"),
        pytest.param("generation", "buildType", "https://example.com/build", id="another-build-type"),
        pytest.param("generation", "resolvedDependencies.0.digest.gitCommit", "c" * 40, id="two-base-commits"),
        pytest.param("generation", "internalParameters.part.number", 2, id="part-2-of-1"),
        pytest.param("generation", "internalParameters.part.number", 0, id="part-0"),
        pytest.param("generation", "internalParameters.changes", [], id="no-rows"),
        pytest.param("generation", "internalParameters.changes", ROWS.rows()[::-1], id="unsorted-rows"),
        pytest.param("generation", "internalParameters.changes", ROWS.rows()[:1] * 2, id="a-path-twice"),
        pytest.param("generation", "internalParameters.changes", ROWS.rows()[:2], id="a-row-dropped"),
        pytest.param(
            "generation",
            "internalParameters.changes",
            [{**ROWS.rows()[0], "afterMode": "120000"}, *ROWS.rows()[1:]],
            id="a-mode-flipped",
        ),
    ],
)
def test_a_generation_that_could_not_be_is_refused(name: str, path: str, value: object) -> None:
    document = canonical.loads(SAMPLES[name].statement().encode())
    holder: Any = document["predicate"]["buildDefinition"]
    *steps, last = path.split(".")
    for step in steps:
        holder = holder[int(step)] if step.isdigit() else holder[step]
    holder[last] = value
    with pytest.raises(Malformed):
        Generation.parse(Statement.parse(canonical.dumps(document)))


def test_a_row_that_changes_nothing_is_refused_inside_a_statement() -> None:
    row = ROWS.rows()[0]
    same = {**row, **{f"before{name}": row[f"after{name}"] for name in ("Mode", "Sha256", "GitBlob")}}
    document = canonical.loads(SAMPLES["claim"].statement().encode())
    document["predicate"]["changes"] = [same]
    with pytest.raises(Malformed, match="same node twice"):
        Claim.parse(Statement.parse(canonical.dumps(document)))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param(
            "status",
            {"revocations": [{**Revocation(RevokedKind.KEY, A, AT, 0, "x").json(), "kind": "tool"}]},
            id="kind",
        ),
        pytest.param("scan", {"result": "GREEN"}, id="result"),
        pytest.param("scan", {"configuration": []}, id="no-configuration"),
        pytest.param("verdict", {"verificationResult": "FAILED"}, id="passed-that-says-failed"),
        pytest.param("verdict", {"verifiedLevels": ["SLSA_SOURCE_LEVEL_3"]}, id="a-level-that-is-not-ours"),
        pytest.param("refusing-verdict", {"verificationResult": "PASSED"}, id="inconclusive-that-says-passed"),
        pytest.param("verdict", {"resourceUri": "repository-2"}, id="two-repositories"),
        pytest.param("verdict", {"inputAttestations": [{"uri": "x", "digest": {"sha256": B}}]}, id="input-elsewhere"),
        pytest.param("waiver-of-a-finding", {"finding": ""}, id="waiver-of-nothing"),
        pytest.param("waiver-of-a-finding", {"finding": A.upper()}, id="finding-in-upper-case"),
        pytest.param("waiver-of-a-finding", {"path": None}, id="finding-without-a-path"),
        pytest.param("waiver-of-a-finding", {"agent": str(ANNA)}, id="waiver-of-what-a-person-wrote"),
        pytest.param("waiver-of-a-finding", {"finding": None}, id="waiver-of-all-that-is-wrong-with-a-path"),
        pytest.param("waiver-of-a-file", {"sha256": None}, id="path-without-content"),
        pytest.param("waiver-of-a-file", {"finding": A}, id="finding-and-file"),
        pytest.param("waiver-of-a-file", {"mode": None}, id="file-of-any-mode"),
        pytest.param("waiver-of-a-file", {"mode": "040000"}, id="waiver-of-a-folder"),
        pytest.param("waiver-of-a-finding", {"mode": "100644"}, id="finding-with-a-mode"),
        pytest.param("waiver-of-a-file", {"sha256": "7"}, id="content-that-is-no-digest"),
        pytest.param("waiver-of-a-file", {"expires": "9999-99-99"}, id="expiry-that-is-no-time"),
        pytest.param("waiver-of-a-file", {"expires": "9999-99-99T00:00:00Z"}, id="expiry-that-looks-like-a-time"),
        pytest.param("waiver-of-a-file", {"expires": None}, id="no-expiry"),
        pytest.param("waiver-of-a-file", {"notBefore": "soon"}, id="begin-that-is-no-time"),
        pytest.param("waiver-of-a-file", {"expires": "2026-11-31T00:00:00Z"}, id="day-that-does-not-exist"),
        pytest.param("waiver-of-a-file", {"expires": "2026-11-20T12:00:01+00:00"}, id="time-spelled-otherwise"),
        pytest.param("waiver-of-a-file", {"expires": "2026-11-20T12:00:01.5Z"}, id="fraction-of-a-second"),
    ],
)
def test_a_predicate_that_contradicts_itself_is_refused(name: str, other: dict[str, object]) -> None:
    statement = Statement.parse(_predicate(name, **other).encode())
    with pytest.raises(Malformed):
        _reader(SAMPLES[name])(statement)


@pytest.mark.parametrize("name", ["verdict", "refusing-verdict"])
@pytest.mark.parametrize("notes", [{"outcome": "MAYBE"}, {"sourceRefs": []}, {"sourceRefs": ["a", "b"]}])
def test_a_verdict_with_other_annotations_is_refused(name: str, notes: dict[str, object]) -> None:
    statement = SAMPLES[name].statement()
    subject = replace(statement.subjects[0], annotations={**statement.subjects[0].annotations, **notes})
    with pytest.raises(Malformed):
        Verdict.parse(statement._replace(subjects=(subject,)))


def test_inconclusive_is_failed_to_a_reader_who_knows_only_the_standard() -> None:
    predicate = SAMPLES["refusing-verdict"].statement().predicate
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("FAILED", [])
    assert SAMPLES["verdict"].statement().predicate["verificationResult"] == "PASSED"


def test_levels_of_evidence_are_ordered() -> None:
    assert [level.rank for level in (Evidence.ASSERTED, Evidence.OBSERVED, Evidence.BOXED)] == [0, 1, 2]


# --- parts ------------------------------------------------------------------------------------------


def _many(count: int) -> Change:
    return Change.of(Transition(f"f{n:05}", None, Node.of_blob(Mode.FILE, b"%d" % n)) for n in range(count))


@pytest.mark.parametrize(("rows", "parts"), [(0, 0), (1, 1), (ROWS_PER_PART, 1), (ROWS_PER_PART + 1, 2), (2500, 3)])
def test_a_change_is_cut_into_the_fewest_parts_and_put_together_again(rows: int, parts: int) -> None:
    change = _many(rows)
    cut = split(change)
    assert len(cut) == parts
    assert [part.number for part in cut] == list(range(1, parts + 1))
    if cut:
        assert join([*cut[::-1], cut[0]]) == change
        assert Claim.parse(Claim(ANNA, TARGET, cut[0]).statement()).part == cut[0]


def test_a_pure_deletion_has_a_subject() -> None:
    gone = split(Change.of([Transition("a", Node.of_blob(Mode.FILE, b""), None)]))[0]
    assert [subject.name for subject in gone.subjects()] == ["countermark:changes"]


def _parts_of(*slices: tuple[Transition, ...], of: int | None = None) -> list[Part]:
    digest = Change(tuple(row for cut in slices for row in cut)).sha256()
    return [Part(n, of or len(slices), digest, Change(cut)) for n, cut in enumerate(slices, start=1)]


ONE, TWO = ROWS.transitions[:1], ROWS.transitions[1:]
OTHER = (Transition("evil.py", None, Node.of_blob(Mode.FILE, b"evil")),)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(_parts_of(ONE, TWO)[:1], id="a-part-is-missing"),
        pytest.param(_parts_of(ONE, TWO, of=3), id="the-last-part-is-missing"),
        pytest.param(_parts_of(ONE, TWO, of=2**53 - 1), id="a-number-of-parts-that-nobody-can-count-to"),
        pytest.param(_parts_of(TWO, ONE), id="rows-out-of-order-across-parts"),
        pytest.param(_parts_of(ONE, ONE), id="a-path-in-two-parts"),
        pytest.param([*_parts_of(ONE, TWO), Part(1, 2, ROWS.sha256(), Change(OTHER))], id="two-parts-of-one-number"),
        pytest.param(
            [Part(1, 2, ROWS.sha256(), Change(OTHER)), *_parts_of(ONE, TWO)], id="two-parts-of-one-number-first"
        ),
        pytest.param([Part(1, 2, ROWS.sha256(), Change(OTHER)), _parts_of(ONE, TWO)[1]], id="a-part-of-another-change"),
        pytest.param([_parts_of(ONE, TWO)[0], _parts_of(ONE, OTHER)[1]], id="parts-of-two-changes"),
    ],
)
def test_parts_that_are_not_exactly_one_change_do_not_count(parts: list[Part]) -> None:
    with pytest.raises(Incomplete):
        join(parts)


@pytest.mark.parametrize(
    ("number", "of", "rows"),
    [(0, 1, ROWS), (2, 1, ROWS), (1, 0, ROWS), (1, 2, Change(())), (1, 2, _many(ROWS_PER_PART + 1))],
)
def test_a_part_that_could_not_be_one_is_refused(number: int, of: int, rows: Change) -> None:
    with pytest.raises(Malformed):
        Part(number, of, rows.sha256(), rows)


def test_more_rows_than_a_part_may_have_are_refused_before_they_are_read() -> None:
    value = {"part": {"number": 1, "of": 2}, "changesSha256": A, "changes": _many(ROWS_PER_PART + 1).rows()}
    with pytest.raises(TooLarge):
        Part.parse(value)


# --- commitments ------------------------------------------------------------------------------------


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_a_commitment_opens_to_its_text_and_to_no_other(text: str, key: bytes) -> None:
    commitment = Commitment.of(text, key)
    assert commitment.open(text, key) == text
    assert Commitment.parse(commitment.json()) == commitment
    with pytest.raises(WrongStatement):
        commitment.open(text + "x", key)
    with pytest.raises(WrongStatement):
        commitment.open(text, bytes([key[0] ^ 1]) + key[1:])


def test_an_empty_field_has_no_commitment() -> None:
    assert Commitment.parse(None) is None


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_commitment_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        Commitment.of("x", b"k" * size)


# --- whatever is emitted is accepted ----------------------------------------------------------------

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
hexes = st.binary(min_size=32, max_size=32).map(bytes.hex)
times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(lambda t: t.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001 - UTC below
numbers = st.integers(0, 2**53 - 1)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)
identities = st.builds(Identity, st.just("forge.example"), st.sampled_from(Kind), names)
commitments = st.none() | st.builds(Commitment, hexes)
lists = st.lists(words, max_size=3).map(tuple)
optional = st.none() | words
targets = st.builds(Target, words, words, words)
sessions = st.builds(Session, words, times, times, identities, words, optional, optional, optional)
models = st.builds(Model, optional, words, optional, optional, st.sampled_from(ModelSource))
paths = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)
nodes = st.none() | st.builds(Node.of_blob, st.sampled_from(Mode), st.binary(max_size=2))
rows = st.tuples(paths, nodes, nodes).filter(lambda row: row[1] != row[2]).map(lambda row: Transition(*row))
changes = st.lists(rows, min_size=1, max_size=4, unique_by=lambda row: row.path).map(Change.of)
parts = changes.map(lambda change: split(change)[0])
revocations = st.builds(Revocation, st.sampled_from(RevokedKind), words, times, numbers, words)
rans = st.lists(st.builds(Ran, words, words, hexes, optional), min_size=1, max_size=3).map(tuple)
bindings = st.builds(Binding, words, words, words, words, words, hexes, words, lists)
statements = st.one_of(
    st.builds(
        Generation,
        identities,
        targets,
        st.sampled_from(Evidence),
        sessions,
        parts,
        st.lists(models, max_size=2).map(tuple),
        lists,
        lists,
        lists,
        commitments,
        commitments,
        commitments,
        st.none() | st.builds(Identity, st.just("forge.example"), st.just(Kind.PERSON), names),
    ),
    st.builds(Claim, identities, targets, parts),
    st.builds(Approval, identities, words, words, words, words, hexes, optional),
    st.builds(
        WaiverRequest,
        words,
        words,
        hexes,
        st.none(),
        st.none(),
        identities.map(lambda one: replace(one, kind=Kind.AGENT)),
        identities,
        words,
        numbers,
        st.none() | times,
        times,
        st.none() | numbers,
        optional,
    ),
    st.builds(WaiverApproval, hexes, identities, optional),
    st.builds(WaiverRevocation, hexes, identities, words, optional),
    st.builds(PolicyChange, identities, words, numbers, hexes),
    st.builds(Enrolment, hexes, identities, st.none() | identities, lists, lists, st.booleans()),
    st.builds(Scan, hexes, rans, hexes, st.sampled_from(Result)),
    st.builds(Status, hexes, numbers, numbers, times, times, st.lists(revocations, max_size=2).map(tuple)),
    st.builds(
        Verdict,
        identities,
        words,
        times,
        st.sampled_from(Outcome),
        numbers,
        numbers,
        lists,
        hexes,
        st.lists(hexes, max_size=2).map(tuple),
        bindings,
        st.lists(hexes, max_size=2).map(tuple),
        st.lists(hexes, max_size=2).map(tuple),
        st.lists(st.tuples(identities.map(str), numbers), max_size=2).map(tuple),
    ),
)


@given(statements)
def test_whatever_is_emitted_is_accepted_and_emitted_again(sample: Any) -> None:
    raw = sample.statement().encode()
    again = _reader(sample)(Statement.parse(raw))
    assert again == sample
    assert again.statement().encode() == raw
