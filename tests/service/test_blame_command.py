"""Each line belongs to the signer of the content that it first stood in; without evidence it belongs to nobody."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.chain import Edge
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Mode, Node
from countermark_service import blame
from countermark_service.blame import Hop, Step, attribute, hops, split
from countermark_service.embedded import opened
from countermark_service.gate.signers.who import Signers
from countermark_service.history import committed, contents_of, histories
from countermark_service.sources import from_ledger

from .conftest import Desk

GENERATION = "https://slsa.dev/provenance/v1"


def node(content: str) -> Node:
    return Node.of_blob(Mode.FILE, content.encode())


def edge(before: str | None, after: str | None, *, index: int, by: str = "bot") -> Edge:
    sides = (None if one is None else node(one) for one in (before, after))
    return Edge(*sides, Identity("example.org", Kind.AGENT, by), f"{index:064}", "b" * 40, index)


def told(nodes: list[str | None], edges: list[Edge], *, missing: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The lines of the last content, each with its signer."""
    texts = {one for one in nodes if one is not None}
    texts |= {
        text
        for text in ("a\n", "a\nb\n", "a\nb\nc\n", "a\nc\n", "z\n", "z\na\n")
        for e in edges
        if node(text) in {e.before, e.after}
    }
    contents = {node(text): text.encode() for text in texts if text not in missing}
    lines = attribute(hops([Step(None if one is None else node(one)) for one in nodes], edges, contents))
    return [(line.text.decode(), line.hop.edge.signer.name if line.hop.edge else "-") for line in lines]


# --- the pure part ----------------------------------------------------------------------------------


def test_each_line_belongs_to_the_signer_who_brought_it() -> None:
    edges = [edge(None, "a\nb\n", index=1, by="one"), edge("a\nb\n", "a\nb\nc\n", index=2, by="two")]
    assert told([None, "a\nb\n", "a\nb\nc\n"], edges) == [("a", "one"), ("b", "one"), ("c", "two")]


def test_a_chain_over_contents_that_no_commit_holds_is_told_apart_where_they_are_at_hand() -> None:
    edges = [edge(None, "a\n", index=1, by="one"), edge("a\n", "a\nb\n", index=2, by="two")]
    assert told([None, "a\nb\n"], edges) == [("a", "one"), ("b", "two")]


def test_rows_over_a_content_that_is_not_at_hand_are_merged_and_say_so() -> None:
    edges = [edge(None, "a\n", index=1, by="one"), edge("a\n", "a\nb\n", index=2, by="two")]
    assert told([None, "a\nb\n"], edges, missing=("a\n",)) == [("a", "two"), ("b", "two")]
    found = hops([Step(None), Step(node("a\nb\n"))], edges, {node("a\nb\n"): b"a\nb\n"})
    assert [[one.signer.name for one in hop.merged] for hop in found] == [["one"]]


def test_lines_that_were_there_before_any_evidence_are_nobodys() -> None:
    assert told(["a\n", "a\nb\n"], [edge("a\n", "a\nb\n", index=1)]) == [("a", "-"), ("b", "bot")]


def test_a_step_without_evidence_is_nobodys_and_what_it_kept_stays() -> None:
    edges = [edge(None, "a\n", index=1, by="one"), edge("a\nb\n", "a\nb\nc\n", index=2, by="two")]
    assert told([None, "a\n", "a\nb\n", "a\nb\nc\n"], edges) == [("a", "one"), ("b", "-"), ("c", "two")]


def test_evidence_that_begins_at_a_content_no_commit_holds_counts_from_there() -> None:
    """The first lines were typed, and an agent added to them before anybody committed."""
    assert told([None, "a\nb\n"], [edge("a\n", "a\nb\n", index=1)]) == [("a", "-"), ("b", "bot")]
    assert told([None, "a\nb\n"], [edge("a\n", "a\nb\n", index=1)], missing=("a\n",)) == [("a", "-"), ("b", "-")]


def test_of_several_beginnings_the_oldest_in_the_log_is_taken() -> None:
    edges = [edge("a\nb\n", "a\nb\nc\n", index=2, by="two"), edge("a\n", "a\nb\n", index=1, by="one")]
    assert told([None, "a\nb\nc\n"], edges) == [("a", "-"), ("b", "one"), ("c", "two")]


def test_a_content_that_came_back_without_evidence_is_not_given_to_who_signed_it_once() -> None:
    """Replay: signed at first, removed by a second signer, and put back by nobody."""
    edges = [edge(None, "a\n", index=1, by="one"), edge("a\n", None, index=2, by="two")]
    assert told([None, "a\n", None, "a\n"], edges) == [("a", "-")]


def test_a_signed_commit_explains_its_own_step_only() -> None:
    """The same bytes put back by an unsigned commit are nobody's, although a signed commit once brought them."""
    a, ab = node("a\n"), node("a\nb\n")
    signed = replace(edge("a\n", "a\nb\n", index=9, by="person"), index=None)
    contents = {a: b"a\n", ab: b"a\nb\n"}
    for steps, last in (([Step(a), Step(ab, signed)], "person"), ([Step(a), Step(ab, signed), Step(a), Step(ab)], "-")):
        lines = attribute(hops(steps, [edge(None, "a\n", index=5)], contents))
        assert [line.hop.edge.signer.name if line.hop.edge else "-" for line in lines] == ["bot", last]


def test_a_signed_commit_over_a_step_that_was_not_read_explains_nothing() -> None:
    signed = replace(edge("z\n", "a\nb\n", index=9, by="person"), index=None)
    lines = attribute(hops([Step(node("a\nb\n"), signed)], [], {node("a\nb\n"): b"a\nb\n"}))
    assert [line.hop.edge for line in lines] == [None, None]


def test_a_step_back_and_forth_at_one_node_is_no_step() -> None:
    assert told(["a\n", "a\n"], []) == [("a", "-")]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\n", [b"a\r", b"b"]),
        (b"a\x0bb\x85c\n", [b"a\x0bb\x85c"]),
    ],
)
def test_lines_end_at_line_feeds_only(content: bytes, lines: list[bytes]) -> None:
    assert split(content) == lines


@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=8), min_size=1, max_size=5))
def test_every_line_is_told_once_and_its_hop_held_it(contents: list[list[bytes]]) -> None:
    steps = [Hop(b"".join(line + b"\n" for line in lines), None, ()) for lines in contents]
    found = attribute(steps)
    assert [line.text for line in found] == contents[-1]
    assert all(line.text in split(line.hop.content) for line in found)


def test_the_same_line_many_times_does_not_take_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blame, "EXACT_PAIRS", 10)
    first, second = Hop(b"x\n" * 300 + b"end\n", None), Hop(b"new\n" + b"x\n" * 299 + b"end\nlast\n", None)
    found = attribute([first, second])
    assert [line.text for line in found] == split(second.content)
    assert found[0].hop is second


# --- what git knows ---------------------------------------------------------------------------------


def test_a_content_that_is_not_what_was_signed_is_not_used(desk: Desk) -> None:
    true = Node.of_blob(Mode.FILE, b"one\ntwo\n")
    lie = Node(Mode.FILE, "0" * 64, true.git_blob)
    absent = Node.of_blob(Mode.FILE, b"never committed")
    tree = Node(Mode.FILE, "1" * 64, desk.git("rev-parse", "HEAD^{tree}"))
    gitlink = Node(Mode.GITLINK, "2" * 64, desk.git("rev-parse", "HEAD"))
    with Repository.open(desk.root) as repository:
        assert contents_of(repository, [true, lie, absent, tree, gitlink]) == {true: b"one\ntwo\n"}


def test_the_nodes_of_a_path_are_told_oldest_first_each_change_once(desk: Desk) -> None:
    desk.commit(other="1")
    desk.commit(app__py="three\n")
    desk.commit(app__py=None)
    tip = desk.commit(other="2")
    with Repository.open(desk.root) as repository:
        history = histories(repository, ["app.py"], tip, Signers((), (), lambda: None))["app.py"]
    assert history.unread == []
    assert history.steps == [Step(node("one\ntwo\n")), Step(node("three\n")), Step(None)]


def test_a_commit_time_that_cannot_be_read_is_no_time(desk: Desk) -> None:
    raw = desk.git("cat-file", "commit", "HEAD")
    odd = "\n".join(f"{line} x" if line.startswith("committer") else line for line in raw.split("\n"))
    name = desk.git("hash-object", "--literally", "-t", "commit", "-w", "--stdin", stdin=odd.encode())
    with Repository.open(desk.root) as repository:
        assert committed(repository, name) is None
        assert committed(repository, desk.git("rev-parse", "HEAD")) is not None


# --- the command ------------------------------------------------------------------------------------


def test_blame_names_agent_person_and_nobody(desk: Desk) -> None:
    desk.must("record", "--agent", "coder", "--commit", "by coder", "--", "sh", "-c", "echo three >> app.py")
    desk.write({"app.py": "zero\none\ntwo\nthree\n"})
    desk.must("claim", "app.py")
    desk.commit()
    person = desk.json("person", "list", "--json")[0]["id"]
    lines = [line.split() for line in desk.must("blame", "app.py").splitlines()]
    assert [(line[0], line[1], line[2], line[-1]) for line in lines] == [
        ("1", person.rpartition("/")[2], "claimed", "zero"),
        ("2", "-", "unaccounted", "one"),
        ("3", "-", "unaccounted", "two"),
        ("4", "coder", "observed", "three"),
    ]
    rows = desk.json("blame", "app.py", "--json")
    assert [row["evidence"] for row in rows] == ["claimed", "unaccounted", "unaccounted", "observed"]
    assert rows[0]["signer"] == person
    assert rows[1] == {
        "line": 2,
        "signer": None,
        "evidence": "unaccounted",
        "signed": None,
        "statement": None,
        "note": None,
        "tags": [],
        "claims": [],
        "text": "one",
    }
    assert rows[3]["signer"].endswith("/agent/coder")
    assert lines[0][3] == rows[0]["signed"][:10]


def test_blame_looks_at_another_revision(desk: Desk) -> None:
    desk.must("record", "--agent", "coder", "--commit", "by coder", "--", "sh", "-c", "echo three >> app.py")
    assert len(desk.json("blame", "--json", "--rev", "HEAD~1", "app.py")) == 2
    assert len(desk.json("blame", "--json", "app.py")) == 3


def test_a_path_is_taken_from_where_one_stands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.commit(**{"sub/inner__txt": "x\n"})
    monkeypatch.chdir(desk.root / "sub")
    assert "x" in desk.must("blame", "inner.txt")
    assert "one" in desk.must("blame", "../app.py")
    assert "one outside" in desk.refused(2, "blame", "../../app.py")


def test_lines_between_two_recordings_without_a_commit_are_merged_with_a_note(desk: Desk) -> None:
    desk.must("agent", "add", "helper")
    desk.record("echo three >> app.py")
    desk.must("record", "--agent", "helper", "--commit", "both", "--", "sh", "-c", "echo four >> app.py")
    rows = desk.json("blame", "app.py", "--json")
    assert [row["signer"] and row["signer"].rpartition("/")[2] for row in rows] == [None, None, "helper", "helper"]
    assert "may also be of coder" in rows[2]["note"]
    code, out, err = desk.run("blame", "app.py")
    assert code == 0
    assert "observed   *" in out
    assert "* the content in between was never committed: may also be of coder" in err


def test_a_revoked_agents_lines_are_nobodys_and_the_reason_is_said(desk: Desk) -> None:
    desk.must("record", "--agent", "coder", "--commit", "by coder", "--", "sh", "-c", "echo three >> app.py")
    desk.must("agent", "revoke", "coder", "--since", "2020-01-01T00:00:00Z", "--reason", "stolen\x1b[31m")
    code, out, err = desk.run("blame", "app.py")
    assert code == 0
    assert out.count("unaccounted") == 3
    assert "not counted:" in err
    assert "is revoked" in err
    assert "\x1b" not in err


def test_hostile_text_is_shown_escaped(desk: Desk) -> None:
    desk.commit(app__py=b"\x1b[31mred\xe2\x80\xae\n\tindented\n\xff\xfe\n")
    out = desk.must("blame", "app.py")
    assert "\x1b" not in out
    assert "\\x1b[31mred\\u202e" in out
    assert "        indented" in out


def test_evidence_is_found_in_the_bundle_ref_and_in_a_directory(desk: Desk, tmp_path: Path) -> None:
    """The ledger's index forgets the row; a directory of bundles still has it."""
    desk.must("record", "--agent", "coder", "--commit", "by coder", "--", "sh", "-c", "echo three >> app.py")
    folder = tmp_path / "bundles"
    with opened(desk.home) as ledger:
        for path, content in from_ledger(ledger)({"app.py"}):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        with ledger.store._engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM entry_path")
    assert "coder" not in desk.must("blame", "app.py")
    assert "coder" in desk.must("blame", "app.py", "--bundles", str(folder))
    shutil.rmtree(folder)
    assert "expected a directory of bundles" in desk.refused(2, "blame", "app.py", "--bundles", str(folder))


@pytest.mark.parametrize(
    ("path", "make", "said"),
    [
        ("binary.bin", lambda desk: desk.commit(binary__bin=b"a\0b"), "a binary file"),
        ("gone.txt", lambda desk: None, "expected a file at HEAD, found none"),
        (".", lambda desk: None, "expected a file at HEAD, found none"),
        ("link", lambda desk: [(desk.root / "link").symlink_to("app.py"), desk.commit()], "a regular file"),
    ],
)
def test_what_has_no_lines_is_refused(desk: Desk, path: str, make: Callable[[Desk], object], said: str) -> None:
    make(desk)
    assert said in desk.refused(2, "blame", path)


def test_an_empty_file_has_no_lines(desk: Desk) -> None:
    desk.commit(app__py="")
    assert desk.must("blame", "app.py") == ""
    assert desk.json("blame", "app.py", "--json") == []


def test_a_damaged_bundle_among_the_evidence_is_told_and_spoils_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.must("record", "--agent", "coder", "--commit", "by coder", "--", "sh", "-c", "echo three >> app.py")
    with opened(desk.home) as ledger:
        raw = ledger.store.blob(ledger.store.newest(ledger.log.origin, GENERATION).bundle_sha256).data
    folder = tmp_path / "bundles" / "00"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 64}.sigstore.json").write_bytes(raw.replace(b"bundle.v0.3", b"bundle.v0.4"))
    code, out, err = desk.run("blame", "app.py", "--bundles", str(tmp_path / "bundles"))
    assert code == 0
    assert "coder" in out
    assert "not counted: bundle 000000000000" in err


@pytest.fixture
def signing_key(desk: Desk, tmp_path: Path, ssh_keygen: str) -> Path:
    """The person who ran `init` signs commits with this key, and the policy at the tip says so."""
    key = tmp_path / "key"
    subprocess.run([ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", str(key)], check=True)
    desk.must("person", "add", "Ada", "--ssh-key", f"{key}.pub", "--me")
    desk.commit("a key for Ada")
    desk.git("config", "gpg.format", "ssh")
    desk.git("config", "user.signingkey", str(key))
    return key


def test_a_persons_signed_commit_accounts_for_what_it_brought(desk: Desk, signing_key: Path) -> None:
    desk.write({"app.py": "one\ntwo\nthree\n"})
    desk.git("commit", "-q", "-S", "-a", "-m", "signed")
    commit = desk.git("rev-parse", "HEAD")
    rows = desk.json("blame", "app.py", "--json")
    assert [row["evidence"] for row in rows] == ["unaccounted", "unaccounted", "committed"]
    assert (rows[2]["statement"], rows[2]["signer"]) == (f"commit:{commit}", desk.config()["person"])
    assert "Ada committed" in " ".join(desk.must("blame", "app.py").split())


def test_a_commit_signed_by_a_key_that_the_tip_does_not_name_accounts_for_nothing(
    desk: Desk, signing_key: Path, tmp_path: Path, ssh_keygen: str
) -> None:
    other = tmp_path / "other"
    subprocess.run([ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    desk.git("config", "user.signingkey", str(other))
    desk.write({"app.py": "one\ntwo\nthree\n"})
    desk.git("commit", "-q", "-S", "-a", "-m", "signed")
    assert desk.must("blame", "app.py").count("unaccounted") == 3


def test_without_a_policy_at_the_tip_there_are_no_people(desk: Desk) -> None:
    desk.commit(**{".countermark/policy__json": None})
    assert desk.must("blame", "app.py").count("unaccounted") == 2
