"""Identities, typed reads, in-toto statements and protected paths: one spelling each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import canonical, shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import LedgerError, Malformed, TooLarge, WrongStatement
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.protected import ALWAYS, is_protected
from countermark_ledger.statement import MAX_SUBJECTS, Statement, Subject

# --- identities -------------------------------------------------------------------------------------

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)


@given(st.builds(Identity, domains, st.sampled_from(Kind), names))
def test_an_identity_reads_back_as_itself(identity: Identity) -> None:
    assert Identity.parse(str(identity)) == identity


@given(st.text(max_size=40).map("spiffe://forge.example/agent/{}".format) | st.text(max_size=20))
def test_whatever_parses_as_an_identity_has_one_spelling(uri: str) -> None:
    try:
        identity = Identity.parse(uri)
    except Malformed:
        return
    assert str(identity) == uri


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param(None, id="null"),
        pytest.param(7, id="number"),
        pytest.param(b"spiffe://forge.example/agent/a", id="bytes"),
        pytest.param("", id="empty"),
        pytest.param("https://forge.example/agent/a", id="another-scheme"),
        pytest.param("SPIFFE://forge.example/agent/a", id="scheme-in-upper-case"),
        pytest.param("spiffe://Forge.example/agent/a", id="domain-in-upper-case"),
        pytest.param("spiffe://forge.example:443/agent/a", id="port"),
        pytest.param("spiffe://user@forge.example/agent/a", id="user"),
        pytest.param("spiffe://forge.example./agent/a", id="trailing-dot"),
        pytest.param("spiffe://-forge.example/agent/a", id="leading-dash"),
        pytest.param("spiffe:///agent/a", id="no-domain"),
        pytest.param("spiffe://" + "a." * 126 + "aa/agent/a", id="domain-too-long"),
        pytest.param("spiffe://forge.example/agent", id="no-name"),
        pytest.param("spiffe://forge.example/agent/", id="empty-name"),
        pytest.param("spiffe://forge.example/agent/a/", id="trailing-slash"),
        pytest.param("spiffe://forge.example/agent/a/b", id="a-segment-too-many"),
        pytest.param("spiffe://forge.example//agent/a", id="empty-segment"),
        pytest.param("spiffe://forge.example/robot/a", id="unknown-kind"),
        pytest.param("spiffe://forge.example/Agent/a", id="kind-in-upper-case"),
        pytest.param("spiffe://forge.example/agent/A", id="name-in-upper-case"),
        pytest.param("spiffe://forge.example/agent/a?x=1", id="query"),
        pytest.param("spiffe://forge.example/agent/a#x", id="fragment"),
        pytest.param("spiffe://forge.example/agent/%61", id="percent-encoded"),
        pytest.param("spiffe://forge.example/agent/a\n", id="newline"),
        pytest.param("spiffe://forge.example/agent/\u0430", id="homoglyph"),
        pytest.param("spiffe://forge.example/agent/..", id="dots"),
        pytest.param("spiffe://forge.example/agent/" + "a" * 64, id="name-too-long"),
    ],
)
def test_another_spelling_of_an_identity_is_refused(uri: object) -> None:
    with pytest.raises(Malformed):
        Identity.parse(uri)


# --- typed reads ------------------------------------------------------------------------------------

READERS: dict[str, Callable[[Json], object]] = {
    "member": lambda value: shape.member(value, "x"),
    "text": lambda value: shape.text(value, "x"),
    "optional-text": lambda value: shape.optional_text(value, "x"),
    "integer": lambda value: shape.integer(value, "x"),
    "items": lambda value: shape.items(value, "x", lambda item: item),
    "texts": lambda value: shape.texts(value, "x"),
    "hex64": lambda value: shape.hex64(value, "x"),
    "time": lambda value: shape.time(value, "x"),
}


@pytest.mark.parametrize(
    ("reader", "value", "found"),
    [
        ("member", {"x": 1}, 1),
        ("member", {}, None),
        ("text", "7", "7"),
        ("optional-text", None, None),
        ("optional-text", "a", "a"),
        ("integer", 0, 0),
        ("items", [1, "a"], (1, "a")),
        ("texts", [], ()),
        ("hex64", "0" * 64, "0" * 64),
        ("time", "2026-02-28T23:59:59Z", datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_value_of_the_right_type_is_read(reader: str, value: Json, found: object) -> None:
    assert READERS[reader](value) == found


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("member", None),
        ("member", ["x"]),
        ("text", None),
        ("text", 7),
        ("optional-text", 7),
        ("integer", "7"),
        ("integer", True),
        ("integer", -1),
        ("integer", None),
        ("items", {}),
        ("items", "ab"),
        ("texts", ["a", 7]),
        ("hex64", "A" * 64),
        ("hex64", "0" * 63),
        ("hex64", "0" * 64 + "\n"),
        ("time", "2026-02-29T00:00:00Z"),
        ("time", "2026-02-28T00:00:00"),
        ("time", "2026-02-28t00:00:00z"),
        ("time", "2026-02-28T24:00:00Z"),
        ("time", "\u0662026-02-28T00:00:00Z"),
        ("time", 7),
    ],
)
def test_a_value_of_another_type_is_refused(reader: str, value: Json) -> None:
    with pytest.raises(Malformed):
        READERS[reader](value)


@given(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 - given a zone below
def test_a_time_is_spelled_in_utc_without_fractions(naive: datetime) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(hours=0)))
    assert shape.time(shape.spell_time(moment), "x") == moment.replace(microsecond=0)


def test_a_time_of_another_zone_is_spelled_in_utc() -> None:
    there = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert shape.spell_time(there) == "2025-12-31T22:30:00Z"


# --- statements -------------------------------------------------------------------------------------

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
subjects = st.builds(
    Subject,
    words,
    st.dictionaries(words, words, min_size=1, max_size=2),
    st.dictionaries(words, values, max_size=2),
)
STATEMENT = Statement((Subject("a", {"sha256": "00"}),), "https://example.com/p", {"n": 1})


@given(
    st.builds(Statement, st.lists(subjects, min_size=1, max_size=3).map(tuple), words, st.dictionaries(words, values))
)
def test_a_statement_of_anything_reads_back_as_itself(statement: Statement) -> None:
    assert Statement.parse(statement.encode()) == statement


@given(st.binary(max_size=60))
def test_bytes_are_a_statement_or_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Statement.parse(raw)


def _with(**other: Json) -> bytes:
    return canonical.dumps({**canonical.loads(STATEMENT.encode()), **other})


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(STATEMENT.encode() + b"\n", id="trailing-newline"),
        pytest.param(b" " + STATEMENT.encode(), id="leading-space"),
        pytest.param(STATEMENT.encode().replace(b'"n":1', b'"n":1,"n":2'), id="duplicate-key"),
        pytest.param(STATEMENT.encode().replace(b'"n":1', b'"n":1.0'), id="float"),
        pytest.param(STATEMENT.encode().replace(b'"n":1', b'"n":NaN'), id="nan"),
        pytest.param(STATEMENT.encode().replace(b"_type", b"\\u005ftype"), id="escaped-key"),
        pytest.param(_with(x=None), id="extra-field"),
        pytest.param(_with(_type="https://in-toto.io/Statement/v0.1"), id="another-version"),
        pytest.param(_with(predicate=None), id="no-predicate"),
        pytest.param(_with(predicate=[]), id="predicate-is-a-list"),
        pytest.param(_with(subject=[]), id="no-subject"),
        pytest.param(_with(subject=[{"name": "a", "digest": {}}]), id="no-digest"),
        pytest.param(_with(subject=[{"name": "a", "digest": "00"}]), id="digest-is-text"),
        pytest.param(_with(subject=[{"name": "a", "digest": {"sha256": 7}}]), id="digest-is-a-number"),
        pytest.param(_with(subject=[{"name": None, "digest": {"sha256": "00"}}]), id="no-name"),
        pytest.param(_with(subject=[{"name": "a", "digest": {"sha256": "00"}, "uri": "x"}]), id="extra-in-a-subject"),
        pytest.param(
            _with(subject=[{"name": "a", "digest": {"sha256": "00"}, "annotations": {}}]), id="no-annotations"
        ),
        pytest.param(_with(subject=[{"name": "a", "digest": {"sha256": "00"}, "annotations": 7}]), id="annotations-7"),
        pytest.param(_with(predicateType=7), id="type-is-a-number"),
        pytest.param(
            _with(subject=[{"name": "a", "digest": {"sha256": "00"}}] * (MAX_SUBJECTS + 1)), id="1025-subjects"
        ),
        pytest.param(b"[" * 100_000, id="nested-too-deep"),
    ],
)
def test_a_second_spelling_of_a_statement_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Statement.parse(raw)


@pytest.mark.parametrize("count", [0, MAX_SUBJECTS + 1])
def test_a_statement_about_nothing_or_too_much_is_never_written(count: int) -> None:
    with pytest.raises(TooLarge):
        Statement((Subject("a", {"sha256": "00"}),) * count, "https://example.com/p", {}).encode()


def test_a_statement_gives_its_predicate_to_who_expects_the_type() -> None:
    assert STATEMENT.expect("https://example.com/p") == {"n": 1}
    with pytest.raises(WrongStatement):
        STATEMENT.expect("https://example.com/p/v2")


# --- protected paths --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        ".countermark/policy.json",
        ".Countermark/Policy.JSON",
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        ".ci/run",
        "Jenkinsfile.nightly",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        "src/deep/.gitattributes",
        ".gitmodules",
        ".circleci/config.yml",
        "azure-pipelines-nightly.yaml",
        ".forgejo/workflows/ci.yml",
        ".drone.star",
    ],
)
def test_what_decides_trust_is_protected_in_any_case(path: str) -> None:
    assert is_protected(path)


@pytest.mark.parametrize(
    "path", ["src/app.py", "github/x.py", "notes-about-codeowners.md", "sub/.countermark", "x.gitmodules"]
)
def test_other_paths_are_not(path: str) -> None:
    assert not is_protected(path)


@pytest.mark.parametrize("path", [".countermark", ".ci", ".GitHub", "src", "src/auth"])
def test_a_file_or_a_link_in_place_of_a_protected_folder_is_protected(path: str) -> None:
    assert is_protected(path, ["src/auth/*", "*/deploy/*"])


@pytest.mark.parametrize(
    "path", [".ci./run", ".github /workflows/ci.yml", ".github\\workflows\\ci.yml", "CODEOWNERS.", ".\uff43\uff49/run"]
)
def test_what_a_file_system_takes_for_a_protected_name_is_protected(path: str) -> None:
    assert is_protected(path)


def test_a_policy_protects_more_paths_and_never_fewer() -> None:
    assert is_protected("src/Auth/token.py", ["src/auth/*"])
    assert is_protected(".gitmodules", [])
    assert all(pattern == pattern.casefold() for pattern in ALWAYS)


def test_every_refusal_says_what_was_found() -> None:
    with pytest.raises(LedgerError, match="'7'"):
        shape.integer("7", "count")
