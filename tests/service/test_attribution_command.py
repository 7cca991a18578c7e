"""`countermark attribution`: what goes out is what blame says; what comes in is shown as claimed; nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from countermark_ledger.errors import RefMoved
from countermark_ledger.git import own
from countermark_ledger.git.reader import Repository
from countermark_service.attribution import notes, placing
from countermark_service.attribution.claims import Claim, Contributor, Format, Known, Source
from countermark_service.attribution.git_ai_note import Note
from countermark_service.attribution.notes import Notes, notes_at
from countermark_service.attribution.placing import Placing, claimed

from .conftest import Desk

AI = "refs/notes/ai"


def by_coder(desk: Desk, script: str, *options: str) -> str:
    desk.must("record", "--agent", "coder", "--commit", "work", *options, "--", "sh", "-c", script)
    return desk.git("rev-parse", "HEAD")


def trace(desk: Desk, *options: str) -> dict[str, Any]:
    return json.loads(desk.must("attribution", "export", "--format", "agent-trace", *options))


def ranges(record: dict[str, Any]) -> dict[str, list[tuple[str, list[tuple[int, int]]]]]:
    return {
        file["path"]: [
            (one["contributor"]["type"], [(each["start_line"], each["end_line"]) for each in one["ranges"]])
            for one in file["conversations"]
        ]
        for file in record["files"]
    }


def theirs(commit: str, attestations: str) -> bytes:
    metadata = {
        "schema_version": "authorship/3.0.0",
        "base_commit_sha": commit,
        "prompts": {},
        "humans": {"h_31dce776f88375": {"author": "Grace <grace@example.com>"}},
        "sessions": {"s_c9883b05a2487d": {"agent_id": {"tool": "cursor", "id": "1", "model": "claude-5"}}},
    }
    return f"{attestations}\n---\n{json.dumps(metadata, indent=2)}".encode()


def put_note(desk: Desk, commit: str, raw: bytes) -> None:
    desk.git("notes", f"--ref={AI}", "add", "-f", "-F", "-", commit, stdin=raw)


# --- out --------------------------------------------------------------------------------------------


def test_a_commits_own_lines_go_out_with_whoever_accounts_for_them(desk: Desk) -> None:
    first = by_coder(desk, "echo three >> app.py; echo x > new.py", "--model", "m-1")
    desk.write({"app.py": "zero\none\ntwo\nthree\n"})
    desk.must("claim", "app.py")
    desk.commit()
    assert ranges(trace(desk, "--commit", first)) == {"app.py": [("ai", [(3, 3)])], "new.py": [("ai", [(1, 1)])]}
    assert ranges(trace(desk)) == {"app.py": [("human", [(1, 1)])]}
    assert trace(desk, "--commit", first)["files"][0]["conversations"][0]["contributor"]["model_id"] == "m-1"


def test_lines_that_nobody_accounts_for_do_not_go_out(desk: Desk) -> None:
    desk.commit(app__py="one\ntwo\nthree\n", other__py="x\n")
    assert trace(desk)["files"] == []
    assert "nothing new for the note" in desk.must("attribution", "export", "--format", "git-ai", "--notes")
    with Repository.open(desk.root) as repository:
        assert notes_at(repository, AI) == Notes(None, {}, ())


def test_of_a_squashed_commit_each_line_keeps_its_own_signer(desk: Desk) -> None:
    desk.must("agent", "add", "helper")
    base = desk.git("rev-parse", "HEAD")
    by_coder(desk, "echo three >> app.py")
    desk.must("record", "--agent", "helper", "--commit", "more", "--", "sh", "-c", "echo four >> app.py")
    desk.git("reset", "-q", "--soft", base)
    desk.git("commit", "-q", "-m", "squashed")
    record = trace(desk)
    assert ranges(record) == {"app.py": [("ai", [(3, 3)]), ("ai", [(4, 4)])]}
    signers = [one["signer"].rpartition("/")[2] for one in record["metadata"]["dev.countermark"]["statements"].values()]
    assert sorted(signers) == ["coder", "helper"]


def test_of_a_merge_only_what_no_parent_had_goes_out(desk: Desk) -> None:
    desk.git("checkout", "-q", "-b", "side")
    by_coder(desk, "echo side > side.py")
    desk.git("checkout", "-q", "main")
    desk.commit(main__py="1\n")
    desk.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert trace(desk)["files"] == []


def test_a_renamed_file_a_link_and_a_picture_bring_what_they_can(desk: Desk) -> None:
    by_coder(desk, "mv app.py moved.py; ln -s moved.py link; printf 'a\\0b' > picture")
    assert ranges(trace(desk)) == {"moved.py": [("ai", [(1, 2)])]}


def test_the_first_commit_has_no_parent_to_compare_with(desk: Desk) -> None:
    first = desk.git("rev-list", "--max-parents=0", "HEAD")
    assert trace(desk, "--commit", first)["files"] == []


def test_a_record_is_written_where_it_was_asked_for(desk: Desk, tmp_path: Path) -> None:
    by_coder(desk, "echo three >> app.py")
    place = tmp_path / "trace.json"
    assert desk.must("attribution", "export", "--format", "agent-trace", "--output", str(place)).startswith("wrote ")
    assert json.loads(place.read_text()) == trace(desk)
    assert trace(desk, "--spec-version", "0.1.0")["version"] == "0.1.0"
    err = desk.refused(2, "attribution", "export", "--format", "agent-trace", "--output", str(tmp_path / "no" / "x"))
    assert "No such file" in err
    said = desk.json("attribution", "export", "--format", "git-ai", "--json")
    assert (said["ranges"], said["leftOut"], Note.parse(said["record"].encode()).files.keys()) == (1, [], {"app.py"})


def test_a_path_that_the_format_cannot_name_is_left_out_and_said(desk: Desk) -> None:
    by_coder(desk, """echo x > 'say "hi".py'; echo y > plain.py""")
    code, out, err = desk.run("attribution", "export", "--format", "git-ai")
    assert (code, list(Note.parse(out.encode()).files)) == (0, ["plain.py"])
    assert "left out" in err
    assert "hi" in err
    desk.commit(**{"a\x01b": "z\n"})
    code, out, err = desk.run("attribution", "export", "--format", "agent-trace")
    assert (code, json.loads(out)["files"]) == (0, [])
    assert "a\\x01b" in err


def test_only_git_ai_keeps_its_records_in_notes(desk: Desk) -> None:
    assert "--format git-ai" in desk.refused(2, "attribution", "export", "--format", "agent-trace", "--notes")


# --- notes ------------------------------------------------------------------------------------------


def test_a_note_is_joined_with_the_one_that_is_there_and_written_once(desk: Desk) -> None:
    commit = by_coder(desk, "echo three >> app.py; echo four >> app.py")
    before = theirs(commit, "app.py\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 4")
    desk.must("attribution", "export", "--format", "git-ai", "--notes")
    put_note(desk, commit, before.replace(b"app.py\n", b"other.py\n"))
    assert "wrote" in desk.must("attribution", "export", "--format", "git-ai", "--notes")
    after = Note.parse(desk.git("notes", f"--ref={AI}", "show", commit).encode())
    assert list(after.files) == ["other.py", "app.py"]
    assert json.loads(json.dumps(after.metadata["humans"])) == {
        "h_31dce776f88375": {"author": "Grace <grace@example.com>"}
    }
    tip = desk.git("rev-parse", AI)
    assert "nothing new" in desk.must("attribution", "export", "--format", "git-ai", "--notes")
    assert desk.git("rev-parse", AI) == tip


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"app.py\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 3\n---\n", id="says-otherwise"),
        pytest.param(b"my own thoughts on this commit", id="is-no-record-at-all"),
    ],
)
def test_a_note_of_somebody_else_is_never_replaced(desk: Desk, raw: bytes) -> None:
    commit = by_coder(desk, "echo three >> app.py")
    whole = theirs(commit, raw.removesuffix(b"\n---\n").decode()) if b"---" in raw else raw
    put_note(desk, commit, whole)
    tip = desk.git("rev-parse", AI)
    err = desk.refused(2, "attribution", "export", "--format", "git-ai", "--notes")
    assert "stays as it is" in err
    assert f"hint: git notes --ref={AI} show {commit[:12]}" in err
    assert desk.git("rev-parse", AI) == tip


def test_other_notes_stay_with_and_without_fan_out(desk: Desk) -> None:
    older = desk.git("rev-parse", "HEAD")
    put_note(desk, older, b"older")
    commit = by_coder(desk, "echo three >> app.py")
    desk.must("attribution", "export", "--format", "git-ai", "--notes")
    assert desk.git("notes", f"--ref={AI}", "show", older) == "older"
    blob = desk.git("rev-parse", f"{AI}:{older}")
    inner = desk.git("mktree", stdin=f"100644 blob {blob}\t{older[2:]}\n".encode())
    fanned = desk.git("mktree", stdin=f"040000 tree {inner}\t{older[:2]}\n".encode())
    desk.git("update-ref", AI, desk.git("commit-tree", fanned, "-m", "fan-out"))
    desk.must("attribution", "export", "--format", "git-ai", "--notes")
    assert desk.git("ls-tree", "-r", "--name-only", AI).splitlines() == sorted(
        f"{one[:2]}/{one[2:]}" for one in (older, commit)
    )
    assert desk.git("notes", f"--ref={AI}", "show", older) == "older"
    assert "countermark" in desk.git("notes", f"--ref={AI}", "show", commit)


def test_a_ref_that_holds_more_than_notes_is_not_written_to(desk: Desk) -> None:
    commit = by_coder(desk, "echo three >> app.py")
    desk.git("update-ref", AI, commit)
    assert "expected nothing but notes" in desk.refused(2, "attribution", "export", "--format", "git-ai", "--notes")
    assert desk.git("rev-parse", AI) == commit


def test_who_writes_a_note_meanwhile_loses_nothing(desk: Desk) -> None:
    commit = by_coder(desk, "echo three >> app.py")
    with Repository.open(desk.root) as repository:
        seen = notes_at(repository, AI)
    put_note(desk, commit, b"meanwhile")
    with pytest.raises(RefMoved):
        notes.write(desk.root, AI, seen, commit, b"ours")
    assert desk.git("notes", f"--ref={AI}", "show", commit) == "meanwhile"
    assert own.COUNTERMARK.name == "countermark"


# --- in ---------------------------------------------------------------------------------------------


def test_what_another_tool_says_is_shown_as_claimed_beside_what_the_ledger_knows(desk: Desk) -> None:
    commit = by_coder(desk, "echo three >> app.py; echo four >> app.py")
    put_note(desk, commit, theirs(commit, "app.py\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 3\n  h_31dce776f88375 4"))
    before = [line.split()[:3] for line in desk.must("blame", "app.py").splitlines()]
    assert desk.json("attribution", "import", "--notes", "--json") == {"claims": 2, "new": 2, "passedOver": 0}
    assert desk.json("attribution", "import", "--notes", "--json") == {"claims": 2, "new": 0, "passedOver": 0}
    lines = desk.must("blame", "app.py").splitlines()
    assert [line.split()[:3] for line in lines] == before
    assert ["claimed (unsigned) by cursor claude-5" in line for line in lines] == [False, False, True, False]
    assert ["claimed (unsigned) by a person" in line for line in lines] == [False, False, False, True]
    assert "Grace" not in "".join(lines)
    rows = desk.json("blame", "app.py", "--json")
    assert [row["evidence"] for row in rows] == ["unaccounted", "unaccounted", "observed", "observed"]
    (claim,) = rows[2]["claims"]
    assert (claim["signed"], claim["tool"], claim["model"], claim["format"]) == (False, "cursor", "claude-5", "git-ai")
    assert len(claim["sourceSha256"]) == 64


def test_a_claim_follows_its_lines_and_no_others(desk: Desk) -> None:
    commit = desk.commit(app__py="one\nadded\ntwo\n")
    put_note(desk, commit, theirs(commit, "app.py\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-3"))
    desk.must("attribution", "import", "--notes")
    desk.commit(app__py="zero\none\nadded\nlater\ntwo\n")
    rows = desk.json("blame", "app.py", "--json")
    assert [bool(row["claims"]) for row in rows] == [False, False, True, False, False]


def test_a_file_of_either_format_is_taken_in(desk: Desk, tmp_path: Path) -> None:
    commit = by_coder(desk, "echo three >> app.py")
    for form in ("agent-trace", "git-ai"):
        desk.must("attribution", "export", "--format", form, "--output", str(tmp_path / form))
        assert "1 new claims of 1, unsigned" in desk.must("attribution", "import", str(tmp_path / form))
    claims = desk.json("blame", "app.py", "--json")[2]["claims"]
    assert {one["format"] for one in claims} == {"agent-trace", "git-ai"}
    assert commit in (tmp_path / "git-ai").read_text()


def test_a_file_that_does_not_hold_together_takes_nothing_in(desk: Desk, tmp_path: Path) -> None:
    by_coder(desk, "echo three >> app.py")
    good = desk.must("attribution", "export", "--format", "agent-trace")
    place = tmp_path / "t.jsonl"
    place.write_text(good + good.replace("app.py", "../../etc/passwd"))
    assert "../../etc/passwd" in desk.refused(12, "attribution", "import", str(place))
    assert desk.json("blame", "app.py", "--json")[2]["claims"] == []
    assert "expected a file" in desk.refused(2, "attribution", "import", str(tmp_path / "nothing"))
    place.unlink()
    place.symlink_to("/etc/passwd")
    desk.refused(2, "attribution", "import", str(place))


def test_endless_claims_of_one_file_are_shown_in_part_and_it_says_so(desk: Desk) -> None:
    commit = desk.commit(app__py="x\ny\n")
    ranges = ",".join(f"1-{last}" for last in range(2, 5_200))
    put_note(desk, commit, theirs(commit, f"app.py\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 {ranges}"))
    assert desk.json("attribution", "import", "--notes", "--json")["new"] == 5_198
    code, out, err = desk.run("blame", "app.py", "--json")
    assert (code, [len(row["claims"]) for row in json.loads(out)]) == (0, [5_000, 5_000])
    assert "5000 were read" in err


def test_a_note_that_is_none_is_passed_over_and_named(desk: Desk) -> None:
    commits = [desk.commit(app__py=f"{number}\n") for number in range(7)]
    for commit in commits:
        put_note(desk, commit, b"not a record\x1b[31m")
    last = desk.commit(app__py="last\n")
    put_note(desk, last, theirs(last, "app.py\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1"))
    code, out, err = desk.run("attribution", "import", "--notes")
    assert (code, out.split()[0]) == (0, "1")
    assert err.count("passed over the note of") == 5
    assert "and 2 more notes" in err
    assert "\x1b" not in out + err


def test_texts_of_a_claim_do_not_reach_the_terminal_raw(desk: Desk) -> None:
    commit = desk.commit(app__py="x\n")
    raw = theirs(commit, "app.py\n  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1").replace(b'"cursor"', b'"\\u001b[31mevil"')
    put_note(desk, commit, raw)
    code, out, err = desk.run("attribution", "import", "--notes")
    assert (code, "\x1b" in out + err) == (0, False)
    assert desk.json("blame", "app.py", "--json")[0]["claims"] == []


# --- where lines come from --------------------------------------------------------------------------


def test_lines_are_placed_where_git_blame_places_them(desk: Desk) -> None:
    desk.commit(app__py="a\nb\nc\n")
    desk.git("checkout", "-q", "-b", "side")
    desk.commit(app__py="a\nb\nc\nside\n")
    desk.git("checkout", "-q", "main")
    desk.commit(app__py="main\na\nb\nc\n")
    desk.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    tip = desk.commit(app__py="main\na\nB\nc\nside\n")
    with Repository.open(desk.root) as repository:
        placed = {
            here: (by, there) for by, at in Placing(repository, "app.py").brought(tip) for there, here in at.items()
        }
    porcelain = desk.git("blame", "--line-porcelain", "app.py").splitlines()
    heads = [line.split() for line in porcelain if len(line.split()) >= 3 and len(line.split()[0]) == 40]
    assert placed == {int(head[2]): (head[0], int(head[1])) for head in heads}
    assert len(placed) == 5


def test_a_long_history_has_an_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = desk.commit(app__py="a\n")
    tip = desk.commit(app__py="a\nb\n")
    known = [Known(Claim(one, "app.py", 1, 2, Contributor.AI), Source.of(Format.GIT_AI, b"")) for one in (first, tip)]
    with Repository.open(desk.root) as repository:
        assert set(claimed(repository, "app.py", tip, known)) == {1, 2}
        monkeypatch.setattr(placing, "MAX_STEPS", 1)
        assert set(claimed(repository, "app.py", tip, known)) == {2}


def test_a_file_that_was_no_text_or_no_file_brings_no_lines(desk: Desk) -> None:
    desk.write({"app.py": None})
    (desk.root / "app.py").symlink_to("elsewhere")
    linked = desk.commit()
    (desk.root / "app.py").unlink()
    binary = desk.commit(app__py=b"a\x00b\n")
    with Repository.open(desk.root) as repository:
        for commit in (linked, binary):
            assert list(Placing(repository, "app.py").brought(commit)) == []
