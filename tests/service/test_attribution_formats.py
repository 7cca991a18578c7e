"""The formats of other tools: what we write satisfies their readers, what we read is refused unless it is theirs.

The constraints stand here in our words, each with its source. The tests at the end hold them against the real
schema and the real program, where a path to them is given.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.chain import Edge
from countermark_ledger.errors import LedgerError, Malformed, TooLarge
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Mode, Node
from countermark_ledger.predicates.generation import Model, ModelSource
from countermark_service.attribution import agent_trace, git_ai, git_ai_note
from countermark_service.attribution.agent_trace import Version
from countermark_service.attribution.claims import Claim, Contributor
from countermark_service.attribution.contributions import Contribution, Contributions, model_of
from countermark_service.attribution.git_ai_note import Disagreement, Note
from countermark_service.attribution.lines import Origin
from countermark_service.attribution.ranges import ranges_of

COMMIT, NAME = "c" * 40, "5" * 64
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
GPT = Model("openai", "gpt-5", None, None, ModelSource.DECLARED)
CODER = Origin(
    signer="spiffe://example.org/agent/coder",
    kind=Kind.AGENT,
    short="coder",
    evidence="observed",
    signed=AT,
    statement=NAME,
    note=None,
    session="run-1",
    models=(GPT,),
    tags=("@secure",),
)
ADA = replace(
    CODER,
    signer="spiffe://example.org/person/p1",
    kind=Kind.PERSON,
    evidence="claimed",
    statement="6" * 64,
    session=None,
    models=(),
    tags=(),
)
ROBOT = replace(ADA, signer="spiffe://example.org/agent/robot", kind=Kind.AGENT, statement=f"commit:{COMMIT}")


def found(*rows: tuple[str, tuple[tuple[int, int], ...], Origin]) -> Contributions:
    return Contributions("repository-1", COMMIT, AT, tuple(Contribution(*row) for row in rows), ())


EVERYTHING = found(
    ("src/app.py", ((1, 4), (9, 9)), CODER),
    ("src/app.py", ((5, 5),), ADA),
    ("my dir/a b.py", ((1, 2),), CODER),
    ("bot.txt", ((1, 1),), ROBOT),
)


def merged(origin: Origin, kind: Kind) -> Origin:
    """The same lines, of which some may be of another signer."""
    sides = (None, Node.of_blob(Mode.FILE, b"x"))
    return replace(origin, merged=(Edge(*sides, Identity("example.org", kind, "other"), NAME, "b" * 40, 1),))


# --- models -----------------------------------------------------------------------------------------


def test_lines_are_said_to_be_of_a_model_only_where_the_strongest_word_names_one_alone() -> None:
    wire = Model("openai", "gpt-5", "gpt-5-2026", None, ModelSource.WIRE)
    assert model_of(CODER) == GPT
    assert model_of(replace(CODER, models=(GPT, wire))) == wire
    assert model_of(replace(CODER, models=(GPT, GPT._replace(requested_id="other")))) is None
    assert model_of(replace(CODER, models=())) is None
    assert model_of(merged(CODER, Kind.AGENT)) is None


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_exactly_the_lines_they_were_made_of(lines: set[int]) -> None:
    ranges = ranges_of(sorted(lines))
    assert {line for first, last in ranges for line in range(first, last + 1)} == lines
    assert all(ranges[at][1] + 1 < ranges[at + 1][0] for at in range(len(ranges) - 1))


# --- agent-trace out --------------------------------------------------------------------------------


def conforms(record: dict[str, Any], version: str) -> None:
    """schemas.ts of the first release in our words; every object strict, as README.md 6.1 has no other members."""
    assert record.keys() == {"version", "id", "timestamp", "vcs", "tool", "files", "metadata"}
    assert re.fullmatch(version, record["version"])
    assert str(uuid.UUID(record["id"])) == record["id"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z", record["timestamp"])
    assert record["vcs"] == {"type": "git", "revision": COMMIT}
    assert set(record["tool"]) == {"name", "version"}
    assert record["files"]
    for file in record["files"]:
        assert file.keys() == {"path", "conversations"}
        assert file["conversations"]
        for one in file["conversations"]:
            assert one.keys() == {"contributor", "ranges", "related"}
            assert one["contributor"]["type"] in {"human", "ai", "mixed", "unknown"}
            assert len(one["contributor"].get("model_id", "")) <= 250
            assert all(1 <= each["start_line"] <= each["end_line"] for each in one["ranges"])
            assert one["ranges"]
            assert all(re.fullmatch(r"urn:[a-z]+:[a-z]+:[\x21-\x7e]+", each["url"]) for each in one["related"])


@pytest.mark.parametrize(("version", "pattern"), [("0.1", r"[0-9]+\.[0-9]+"), ("0.1.0", r"[0-9]+\.[0-9]+\.[0-9]+")])
def test_a_record_satisfies_the_strictest_published_schema(version: str, pattern: str) -> None:
    raw = agent_trace.encode(EVERYTHING, Version(version))
    assert raw.endswith(b"}\n")
    assert raw.count(b"\n") == 1
    conforms(json.loads(raw), pattern)


def test_a_record_says_what_the_ledger_knows_and_nothing_else() -> None:
    record = json.loads(agent_trace.encode(EVERYTHING))
    assert [file["path"] for file in record["files"]] == ["src/app.py", "my dir/a b.py", "bot.txt"]
    coder, ada = record["files"][0]["conversations"]
    assert coder["contributor"] == {"type": "ai", "model_id": "openai/gpt-5"}
    assert coder["ranges"] == [{"start_line": 1, "end_line": 4}, {"start_line": 9, "end_line": 9}]
    assert [each["url"] for each in coder["related"]] == [
        f"urn:countermark:statement:{NAME}",
        "urn:countermark:session:run-1",
    ]
    assert ada["contributor"] == {"type": "human"}
    assert record["files"][2]["conversations"][0]["related"] == [
        {"type": "statement", "url": f"urn:countermark:commit:{COMMIT}"}
    ]
    statement = record["metadata"]["dev.countermark"]["statements"][NAME]
    assert (statement["tags"], statement["evidence"]) == (["@secure"], "observed")
    assert statement["models"][0]["source"] == "declared"
    assert "generated" not in json.dumps(record).lower()


def test_lines_that_may_be_of_people_and_agents_are_mixed_and_of_no_model() -> None:
    record = json.loads(agent_trace.encode(found(("a", ((1, 1),), merged(CODER, Kind.PERSON)))))
    assert record["files"][0]["conversations"][0]["contributor"] == {"type": "mixed"}


def test_what_is_not_known_stays_empty() -> None:
    longest = replace(CODER, models=(Model(None, "m" * 251, None, None, ModelSource.WIRE),), session=None)
    record = json.loads(agent_trace.encode(found(("a", ((1, 1),), longest))))
    assert record["files"][0]["conversations"][0]["contributor"] == {"type": "ai"}
    nothing = json.loads(agent_trace.encode(found()._replace(at=None)))
    assert (nothing["files"], nothing["timestamp"]) == ([], "1970-01-01T00:00:00Z")


def test_the_same_knowledge_is_the_same_record_byte_for_byte() -> None:
    assert agent_trace.encode(EVERYTHING) == agent_trace.encode(EVERYTHING)
    other = agent_trace.encode(EVERYTHING._replace(commit="d" * 40))
    assert json.loads(other)["id"] != json.loads(agent_trace.encode(EVERYTHING))["id"]


# --- agent-trace in ---------------------------------------------------------------------------------

RECORD: dict[str, Any] = {
    "version": "0.1.0",
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "timestamp": "2026-01-23T14:30:00.123Z",
    "vcs": {"type": "git", "revision": COMMIT},
    "tool": {"name": "cursor", "version": "2.4.0"},
    "files": [
        {
            "path": "src/parser.ts",
            "conversations": [
                {
                    "url": "https://api.example.com/1",
                    "contributor": {"type": "ai", "model_id": "anthropic/claude"},
                    "ranges": [
                        {"start_line": 42, "end_line": 67, "content_hash": "murmur3:9f2e8a1b"},
                        {"start_line": 70, "end_line": 70, "contributor": {"type": "human"}},
                    ],
                },
                {"ranges": [{"start_line": 1, "end_line": 2}]},
            ],
        }
    ],
    "metadata": {"confidence": 0.95, "dev.cursor": {"workspace_id": "ws"}},
}


def spelled(**other: Any) -> bytes:
    return json.dumps({**RECORD, **other}).encode()


def ranged(**other: Any) -> bytes:
    one = {"start_line": 1, "end_line": 2, **other}
    return spelled(files=[{"path": "a.py", "conversations": [{"ranges": [one]}]}])


def test_a_record_of_another_tool_is_read_as_claims() -> None:
    cursor = ("cursor", "anthropic/claude")
    assert agent_trace.parse(spelled()) == [
        Claim(COMMIT, "src/parser.ts", 42, 67, Contributor.AI, *cursor),
        Claim(COMMIT, "src/parser.ts", 70, 70, Contributor.HUMAN, "cursor", ""),
        Claim(COMMIT, "src/parser.ts", 1, 2, Contributor.UNKNOWN, "cursor", ""),
    ]
    assert [claim.tool for claim in agent_trace.parse(spelled(tool=None))] == ["", "", ""]


def test_records_are_read_one_a_line_or_one_over_many_lines() -> None:
    lines = spelled() + b"\n\n" + spelled(version="1.0") + b"\n"
    assert len(agent_trace.parse(lines)) == 6
    assert len(agent_trace.parse(json.dumps(RECORD, indent=2).encode())) == 3


def test_what_we_write_can_be_read_back() -> None:
    assert {(one.path, one.contributor, one.model) for one in agent_trace.parse(agent_trace.encode(EVERYTHING))} == {
        ("src/app.py", Contributor.AI, "openai/gpt-5"),
        ("src/app.py", Contributor.HUMAN, ""),
        ("my dir/a b.py", Contributor.AI, "openai/gpt-5"),
        ("bot.txt", Contributor.AI, ""),
    }


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b'"x"', id="a-text"),
        pytest.param(b"{}", id="an-empty-record"),
        pytest.param(spelled()[:-1], id="cut-off"),
        pytest.param(b"\xff" + spelled(), id="not-UTF-8"),
        pytest.param(b"{" * 100_000, id="nested-without-end"),
        pytest.param(b'{"a":' * 100_000, id="nested-objects-without-end"),
        pytest.param(spelled()[:-1] + b',"version":"0.1"}', id="a-member-twice"),
        pytest.param(spelled()[:-1] + b',"x":NaN}', id="a-number-that-is-none"),
        pytest.param(spelled(version="2.0"), id="a-version-that-nobody-has-published"),
        pytest.param(spelled(version=0.1), id="a-version-that-is-a-number"),
        pytest.param(spelled(vcs=None), id="of-no-commit"),
        pytest.param(spelled(vcs={"type": "jj", "revision": "kkmpptxz"}), id="of-another-version-control"),
        pytest.param(spelled(vcs={"type": "git", "revision": "main"}), id="of-a-branch"),
        pytest.param(spelled(tool={"name": 5}), id="a-tool-that-is-a-number"),
        pytest.param(spelled(tool={"name": "x\x1b[31m"}), id="a-tool-that-a-terminal-obeys"),
        pytest.param(spelled(files={}), id="files-that-are-no-list"),
        pytest.param(spelled(files=[{"path": "../x", "conversations": RECORD["files"][0]["conversations"]}]), id="up"),
        pytest.param(spelled(files=[{"path": "/x", "conversations": RECORD["files"][0]["conversations"]}]), id="root"),
        pytest.param(ranged(start_line=0), id="line-zero"),
        pytest.param(ranged(start_line=3), id="range-backwards"),
        pytest.param(ranged(start_line=True), id="a-line-that-is-true"),
        pytest.param(ranged(start_line=1.0), id="a-line-that-is-a-fraction"),
        pytest.param(ranged(end_line="2"), id="a-line-that-is-a-text"),
        pytest.param(ranged(end_line=10**12), id="endless-range"),
        pytest.param(ranged(contributor={"type": "robot"}), id="an-unknown-contributor"),
        pytest.param(ranged(contributor={"type": "ai", "model_id": "m" * 251}), id="an-endless-model"),
        pytest.param(spelled() + b"\n" + b"{}", id="a-second-record-that-is-none"),
    ],
)
def test_a_record_that_is_none_refuses_the_whole_file(raw: bytes) -> None:
    with pytest.raises(Malformed):
        agent_trace.parse(raw)


def test_there_is_an_end_to_records_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_trace, "MAX_RECORDS", 2)
    with pytest.raises(TooLarge):
        agent_trace.parse(b"\n".join([spelled()] * 3))
    monkeypatch.setattr(agent_trace, "MAX_BYTES", 10)
    with pytest.raises(TooLarge):
        agent_trace.parse(spelled())


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_refusal(raw: bytes) -> None:
    for reader in (agent_trace.parse, Note.parse):
        try:
            reader(raw)
        except LedgerError:
            continue


# --- git-ai out -------------------------------------------------------------------------------------

KEY = re.compile(r"s_[0-9a-f]{14}::t_[0-9a-f]{14}|h_[0-9a-f]{14}")


def test_a_note_is_spelled_as_the_standard_says() -> None:
    """git_ai_standard_v3.0.0.md 1.2.2 to 1.2.4."""
    text = git_ai.note_of(EVERYTHING).encode().decode()
    attestations, divider, metadata = text.partition("\n---\n")
    assert divider
    lines = attestations.split("\n")
    assert lines[0] == "src/app.py"
    assert '"my dir/a b.py"' in lines
    entries = [line for line in lines if line.startswith("  ")]
    assert len(entries) == 4
    for line in entries:
        key, ranges = line.removeprefix("  ").split(" ")
        assert KEY.fullmatch(key)
        assert re.fullmatch(r"[1-9]\d*(-[1-9]\d*)?(,[1-9]\d*(-[1-9]\d*)?)*", ranges)
    value = json.loads(metadata)
    assert value["schema_version"] == "authorship/3.0.0"
    assert (value["base_commit_sha"], value["prompts"]) == (COMMIT, {})
    assert all(re.fullmatch(r"s_[0-9a-f]{14}", key) for key in value["sessions"])
    for session in value["sessions"].values():
        assert session["agent_id"].keys() == {"tool", "id", "model"}
        assert not session.keys() & {"messages", "messages_url", "total_additions"}
        assert all(isinstance(each, str) for each in session["custom_attributes"].values())


def test_a_note_names_agents_sessions_and_models_as_they_are_known() -> None:
    value = git_ai.note_of(EVERYTHING).metadata
    sessions = json.loads(json.dumps(value["sessions"]))
    assert [one["agent_id"] for one in sessions.values()] == [
        {"tool": "coder", "id": "run-1", "model": "gpt-5"},
        {"tool": "robot", "id": f"commit:{COMMIT}", "model": ""},
    ]
    said = next(iter(sessions.values()))["custom_attributes"]
    assert said["countermark.statements"] == NAME
    assert (said["countermark.tags"], said["countermark.models"]) == ("@secure", "declared:gpt-5")


def test_a_person_goes_into_a_note_by_the_random_id_alone() -> None:
    """A note is pushed for good; a name must stay erasable."""
    humans = json.loads(json.dumps(git_ai.note_of(EVERYTHING).metadata["humans"]))
    assert list(humans.values()) == [{"author": "spiffe://example.org/person/p1"}]


def test_a_path_that_no_note_can_hold_is_left_out_and_said() -> None:
    rows = found(('say "hi".py', ((1, 1),), CODER), ("---", ((1, 1),), CODER))
    assert git_ai.left_out(rows) == ['say "hi".py']
    assert git_ai.note_of(rows).encode().startswith(b'"---"\n  s_')
    assert list(Note.parse(git_ai.note_of(rows).encode()).files) == ["---"]


# --- git-ai in --------------------------------------------------------------------------------------

THEIRS = b"""src/app.py
  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-4,9
  h_31dce776f88375 42-50
"src/a b.rs"
  abcd1234abcd1234 1-50
  ef0b5678ef0b5678 60
---
{
  "schema_version": "authorship/3.0.0",
  "git_ai_version": "1.4.5",
  "base_commit_sha": "cccccccccccccccccccccccccccccccccccccccc",
  "prompts": {"abcd1234abcd1234": {"agent_id": {"tool": "cursor", "id": "old", "model": "gpt-4"}, "accepted_lines": 1}},
  "humans": {"h_31dce776f88375": {"author": "Developer <dev@example.com>"}},
  "sessions": {"s_c9883b05a2487d": {"agent_id": {"tool": "claude", "id": "x", "model": "claude-5"}}}
}
"""


def test_a_note_of_git_ai_is_read_as_claims_without_the_names_of_people() -> None:
    note = Note.parse(THEIRS)
    assert list(git_ai.claims(note, COMMIT)) == [
        Claim(COMMIT, "src/app.py", 1, 4, Contributor.AI, "claude", "claude-5"),
        Claim(COMMIT, "src/app.py", 9, 9, Contributor.AI, "claude", "claude-5"),
        Claim(COMMIT, "src/app.py", 42, 50, Contributor.HUMAN),
        Claim(COMMIT, "src/a b.rs", 1, 50, Contributor.AI, "cursor", "gpt-4"),
        Claim(COMMIT, "src/a b.rs", 60, 60, Contributor.AI),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"---\n", b"--\n", id="no-divider"),
        pytest.param(b"---\n", b" ---\n", id="divider-with-a-space"),
        pytest.param(b"authorship/3.0.0", b"authorship/4.0.0", id="another-schema"),
        pytest.param(b'"git_ai_version"', b'"schema_version"', id="a-member-twice"),
        pytest.param(b'{"s_c9883b05a2487d"', b'["s_c9883b05a2487d"', id="metadata-that-is-no-JSON"),
        pytest.param(b"  h_31dce776f88375 42-50", b" h_31dce776f88375 42-50", id="entry-with-one-space"),
        pytest.param(b"42-50", b"50-42", id="range-backwards"),
        pytest.param(b"42-50", b"0-50", id="line-zero"),
        pytest.param(b"42-50", b"42-50,", id="range-of-nothing"),
        pytest.param(b"42-50", b"4294967296", id="endless-line"),
        pytest.param(b"42-50", b"42 - 50", id="spaces-in-a-range"),
        pytest.param(b"h_31dce776f88375 ", b"somebody ", id="a-key-of-no-kind"),
        pytest.param(b'"src/a b.rs"', b"src/app.py", id="a-path-twice"),
        pytest.param(b"src/app.py\n", b"", id="an-entry-without-a-path"),
        pytest.param(b"src/app.py", b"src/\xff.py", id="not-UTF-8"),
    ],
)
def test_a_note_that_breaks_one_rule_is_refused(old: bytes, new: bytes) -> None:
    assert THEIRS.count(old) >= 1
    with pytest.raises(Malformed):
        Note.parse(THEIRS.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"src/app.py", b"../app.py", id="above-the-repository"),
        pytest.param(b"src/app.py", b".git/config", id="the-git-directory"),
        pytest.param(b'"claude"', b"5", id="a-tool-that-is-a-number"),
        pytest.param(b'"claude"', b'"\\u001b[31m"', id="a-tool-that-a-terminal-obeys"),
        pytest.param(b'"sessions": {', b'"sessions": 5, "x": {', id="sessions-that-are-no-object"),
    ],
)
def test_a_note_that_claims_nonsense_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(Malformed):
        list(git_ai.claims(Note.parse(THEIRS.replace(old, new, 1)), COMMIT))


def test_there_is_an_end_to_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_ai_note, "MAX_RANGES", 4)
    with pytest.raises(TooLarge):
        Note.parse(THEIRS)
    monkeypatch.setattr(git_ai_note, "MAX_BYTES", 10)
    with pytest.raises(TooLarge):
        Note.parse(THEIRS)


# --- joining ----------------------------------------------------------------------------------------


def test_a_note_of_somebody_else_keeps_every_line_and_record_when_ours_is_joined() -> None:
    theirs = Note.parse(THEIRS)
    ours = git_ai.note_of(found(("src/app.py", ((5, 8), (10, 12)), CODER), ("new.py", ((1, 1),), CODER)))
    joined = theirs.join(ours)
    assert joined.files["src/app.py"][:2] == theirs.files["src/app.py"]
    assert joined.files["src/a b.rs"] == theirs.files["src/a b.rs"]
    assert joined.files["src/app.py"][2][1] == ((5, 8), (10, 12))
    assert list(joined.files) == ["src/app.py", "src/a b.rs", "new.py"]
    for name in ("prompts", "humans", "git_ai_version", "base_commit_sha"):
        assert joined.metadata[name] == theirs.metadata[name]
    assert Note.parse(joined.encode()) == joined
    assert theirs == Note.parse(THEIRS)


def test_joining_again_changes_nothing() -> None:
    ours = git_ai.note_of(EVERYTHING)
    once = Note.parse(THEIRS.replace(b"src/app.py", b"other.py")).join(ours)
    assert once.join(ours) == once


def test_where_a_note_says_otherwise_of_a_line_nothing_is_joined() -> None:
    with pytest.raises(Disagreement, match=r"src/app\.py:4: "):
        Note.parse(THEIRS).join(git_ai.note_of(found(("src/app.py", ((4, 5),), CODER))))


def test_a_key_that_means_somebody_else_already_is_not_given_another_meaning() -> None:
    ours = git_ai.note_of(found(("new.py", ((1, 1),), CODER)))
    (key,) = json.loads(json.dumps(ours.metadata["sessions"]))
    record = {"agent_id": {"tool": "evil", "id": "1", "model": ""}}
    theirs = Note({}, {"schema_version": git_ai_note.SCHEMA, "sessions": {key: record}})
    with pytest.raises(Disagreement):
        theirs.join(ours)


def test_a_later_note_of_ours_takes_the_place_of_an_earlier_record_of_ours() -> None:
    first = git_ai.note_of(found(("a.py", ((1, 1),), CODER)))
    second = git_ai.note_of(found(("a.py", ((1, 1),), CODER), ("b.py", ((1, 1),), replace(CODER, statement="7" * 64))))
    sessions = json.loads(json.dumps(first.join(second).metadata["sessions"]))
    assert [one["custom_attributes"]["countermark.statements"] for one in sessions.values()] == [f"{NAME} {'7' * 64}"]


def test_a_note_with_endless_ranges_is_not_joined() -> None:
    theirs = Note.parse(THEIRS.replace(b"42-50", b"42-9999999"))
    with pytest.raises(TooLarge):
        theirs.join(git_ai.note_of(EVERYTHING))


# --- the real things, where they are ----------------------------------------------------------------


def given_path(variable: str) -> Path:
    """The path of something that nobody can fetch by name: a test without it says NOT RUN, and why."""
    found_at = os.environ.get(variable)
    if not found_at:
        pytest.skip(f"NOT RUN: {variable} gives no path (docs/guides/parts.md)")
    return Path(found_at)


@pytest.mark.parts
def test_a_record_satisfies_the_schema_in_the_text_of_the_specification() -> None:
    text = (given_path("COUNTERMARK_AGENT_TRACE") / "README.md").read_text()
    (spelled_schema,) = re.findall(r"### 6\.1.*?```json\n(.*?)```", text, re.DOTALL)
    schema = json.loads(spelled_schema)
    checker = jsonschema.FormatChecker()
    spelling = (
        Version.THREE_NUMBERS if re.fullmatch(schema["properties"]["version"]["pattern"], "0.1.0") else Version("0.1")
    )
    record = json.loads(agent_trace.encode(EVERYTHING, spelling))
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(record)


@pytest.mark.parts
def test_git_ai_itself_reads_our_note_and_blames_by_it(tmp_path: Path) -> None:
    program = given_path("COUNTERMARK_GIT_AI")
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "GIT_CONFIG_GLOBAL": "/dev/null"}
    repository = tmp_path / "repository"
    repository.mkdir()

    def run(*words: str, stdin: bytes = b"") -> str:
        command = [str(word) for word in words]
        done = subprocess.run(command, cwd=repository, env=environment, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    (repository / "a b.py").write_text("one\ntwo\nthree\n")
    run("git", "init", "-q")
    run("git", "add", "-A")
    run("git", "-c", "user.name=Me", "-c", "user.email=me@example.com", "commit", "-q", "-m", "x")
    commit = run("git", "rev-parse", "HEAD").strip()
    rows = found(("a b.py", ((1, 2),), CODER))._replace(commit=commit)
    author = ("-c", "user.name=Me", "-c", "user.email=me@example.com")
    run("git", *author, "notes", "--ref=ai", "add", "-F", "-", commit, stdin=git_ai.note_of(rows).encode())
    try:
        _check_git_ai(run, str(program), commit, rows)
    finally:
        run(str(program), "bg", "shutdown", "--hard")  # whichever command comes first starts it


def _check_git_ai(run: Callable[..., str], program: str, commit: str, rows: Contributions) -> None:
    assert [line.split("(")[1].split()[0] for line in run(program, "blame", "a b.py").splitlines()] == [
        "coder",
        "coder",
        "Me",
    ]
    shown = run(program, "show", commit)
    assert Note.parse(shown.encode()).files == git_ai.note_of(rows).files
    stats = json.loads(run(program, "stats", commit, "--json").splitlines()[-1])
    assert stats["tool_model_breakdown"] == {"coder::gpt-5": {"ai_additions": 2, "ai_accepted": 2}}
