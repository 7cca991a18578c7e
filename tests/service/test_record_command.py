"""`record` signs what a command changed: all of it, only it, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from countermark_ledger.node import Mode, Node
from countermark_ledger.predicates.generation import Evidence
from countermark_ledger.statement import Statement
from countermark_service import embedded
from countermark_service.cli import main
from countermark_service.store import sql
from countermark_service.store.engine import sqlite_engine

from .conftest import Desk

GENERATION = "https://slsa.dev/provenance/v1"
STATUS = "https://countermark.dev/status/v1"


def test_a_command_that_changes_nothing_signs_nothing(desk: Desk) -> None:
    before = len(desk.statements())
    document, err = desk.record("true", "--commit", "nothing")
    assert document == {"statements": [], "changes": [], "commit": None}
    assert len(desk.statements()) == before
    assert "nothing changed" in desk.run("record", "--agent", "coder", "--", "true")[2]
    assert err == ""


def test_created_changed_and_deleted_files_are_rows(desk: Desk) -> None:
    desk.commit(old="old\n")
    code, out, err = desk.run(
        "record", "--agent", "coder", "--", "sh", "-c", "echo new > new; echo x >> app.py; rm old"
    )
    assert (code, out) == (0, "M app.py\nA new\nD old\n")
    assert "signed " in err
    assert desk.rows() == [("app.py", "100644", "100644"), ("new", "-", "100644"), ("old", "100644", "-")]
    row = desk.generations()[-1].part.rows.transitions[1]
    assert row.after == Node.of_blob(Mode.FILE, b"new\n")


def test_what_is_signed_says_who_how_and_where_it_is_meant_to_land(desk: Desk) -> None:
    desk.record("echo x >> app.py", "--model", "m-1", "--tag", "@secure", "--task", "say x")
    made = desk.generations()[-1]
    assert made.evidence is Evidence.OBSERVED
    assert str(made.agent).endswith("/agent/coder")
    assert made.target.base_commit == desk.git("rev-parse", "HEAD")
    assert (made.target.repository_id, made.target.protected_ref) == ("desk-1", "refs/heads/main")
    assert [model.requested_id for model in made.models] == ["m-1"]
    assert made.tags == ("@secure",)
    assert made.task is not None
    assert "say x" not in str(desk.statements(GENERATION)[-1])


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        pytest.param("chmod +x app.py", [("app.py", "100644", "100755")], id="mode"),
        pytest.param("ln -s app.py link", [("link", "-", "120000")], id="symlink"),
        pytest.param("rm app.py; ln -s x app.py", [("app.py", "100644", "120000")], id="file-becomes-symlink"),
        pytest.param("ln -s /nowhere/at/all broken", [("broken", "-", "120000")], id="broken-symlink"),
        pytest.param(
            "mv app.py moved.py", [("app.py", "100644", "-"), ("moved.py", "-", "100644")], id="rename-is-two-rows"
        ),
        pytest.param(
            "rm app.py; mkdir app.py; echo x > app.py/x",
            [("app.py", "100644", "-"), ("app.py/x", "-", "100644")],
            id="file-becomes-folder",
        ),
        pytest.param("mkdir empty", [], id="empty-folder"),
        pytest.param("touch empty", [("empty", "-", "100644")], id="empty-file"),
        pytest.param("echo x > 'a b'", [("a b", "-", "100644")], id="space"),
        pytest.param("echo x > 'größe 漢字 🙂'", [("größe 漢字 🙂", "-", "100644")], id="unicode"),
        pytest.param("echo x > '-n'", [("-n", "-", "100644")], id="leading-dash"),
        pytest.param("printf x > 'a\"b\\c'", [('a"b\\c', "-", "100644")], id="quotes"),
    ],
)
def test_whatever_git_can_store_is_recorded(desk: Desk, script: str, rows: list[tuple[str, str, str]]) -> None:
    document, _ = desk.record(script, "--commit", "it")
    assert len(document["changes"]) == len(rows)
    if rows:
        assert desk.rows() == rows
        assert desk.git("status", "--porcelain") == ""
        assert document["commit"] == desk.git("rev-parse", "HEAD")


def test_hostile_names_are_printed_escaped(desk: Desk) -> None:
    _, out, _ = desk.run("record", "--agent", "coder", "--", "sh", "-c", "echo x > \"$(printf 'a\\033[31mb')\"")
    assert out == "A a\\x1b[31mb\n"


def test_ignored_files_are_not_signed_unless_they_are_tracked(desk: Desk) -> None:
    desk.commit(__gitignore="*.log\nbuild/\n")
    desk.write({"kept.log": "tracked\n"})
    desk.git("add", "-f", "kept.log")
    desk.git("commit", "-q", "-m", "tracked although ignored")
    desk.record("echo x > debug.log; mkdir build; echo y > build/out; echo more >> kept.log; echo z > seen")
    assert desk.rows() == [("kept.log", "100644", "100644"), ("seen", "-", "100644")]


def test_the_users_own_excludes_are_obeyed(desk: Desk) -> None:
    (desk.root / ".git" / "info" / "exclude").write_text("private\n")
    document, _ = desk.record("echo x > private")
    assert document["changes"] == []


@pytest.mark.parametrize("code", [1, 3, 77, 126])
def test_the_commands_exit_code_is_passed_on_and_what_it_changed_is_signed(desk: Desk, code: int) -> None:
    document, _ = desk.record(f"echo x >> app.py; exit {code}", code=code)
    assert len(document["statements"]) == 1


def test_a_program_that_does_not_exist_is_wrong_usage(desk: Desk) -> None:
    assert "name a program on the PATH" in desk.refused(2, "record", "--agent", "coder", "--", "no-such-program")


def test_the_command_runs_where_one_stands_and_rows_are_named_from_the_root(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.root / "sub").mkdir()
    monkeypatch.chdir(desk.root / "sub")
    desk.record("echo x > here")
    assert desk.rows() == [("sub/here", "-", "100644")]


# --- --commit ---------------------------------------------------------------------------------------


def test_commit_holds_exactly_the_signed_bytes_whatever_filters_are_set(desk: Desk) -> None:
    """autocrlf, a clean filter and ident would each store other bytes than the ones that were hashed."""
    desk.commit(__gitattributes="*.txt text eol=crlf filter=shout ident\n*.bin filter=shout\n")
    desk.git("config", "core.autocrlf", "true")
    desk.git("config", "filter.shout.clean", "tr a-z A-Z")
    desk.git("config", "filter.shout.required", "true")
    desk.record(r"printf 'one\r\ntwo $Id$\r\n' > a.txt; printf 'low\n' > b.bin", "--commit", "exact")
    rows = {row.path: row.after for row in desk.generations()[-1].part.rows.transitions}
    for path, content in {"a.txt": b"one\r\ntwo $Id$\r\n", "b.bin": b"low\n"}.items():
        raw = subprocess.run(["git", "cat-file", "blob", f"HEAD:{path}"], capture_output=True, check=True).stdout
        assert raw == content
        assert rows[path] == Node.of_blob(Mode.FILE, content)


def test_commit_leaves_the_users_other_changes_alone(desk: Desk) -> None:
    desk.commit(staged="1\n", dirty="1\n", both="1\n")
    desk.write({"staged": "2\n", "dirty": "2\n", "both": "2\n", "untracked": "2\n"})
    desk.git("add", "staged", "both")
    desk.write({"both": "3\n"})
    desk.record("echo x >> app.py", "--commit", "only app.py")
    assert desk.git("show", "--format=", "--name-only", "HEAD") == "app.py"
    assert desk.git("status", "--porcelain").splitlines() == ["MM both", " M dirty", "M  staged", "?? untracked"]
    assert desk.git("show", ":both") == "2"


def test_commit_carries_agent_message_and_trailers(desk: Desk) -> None:
    for key, value in {"author.name": "Wrong", "committer.email": "wrong@example.org"}.items():
        desk.git("config", key, value)
    desk.git("config", "i18n.commitEncoding", "ISO-8859-1")
    document, _ = desk.record("echo x >> app.py", "--commit", "größer")
    name = document["statements"][0]["bundle"]
    domain = desk.config()["trustDomain"]
    assert desk.git("log", "-1", "--format=%an <%ae> %cn <%ce>") == f"coder <coder@{domain}> coder <coder@{domain}>"
    assert desk.git("cat-file", "commit", "HEAD").partition("\n\n")[2] == f"größer\n\nCountermark-Statement: {name}"
    assert "encoding" not in desk.git("cat-file", "commit", "HEAD")


def test_commit_runs_no_hook(desk: Desk) -> None:
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"):
        hook = desk.root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {desk.root}/ran-{name}\n")
        hook.chmod(0o755)
    desk.record("echo x >> app.py", "--commit", "quiet")
    assert not list(desk.root.glob("ran-*"))


def test_a_command_that_commits_by_itself_is_signed_and_not_committed_twice(desk: Desk) -> None:
    before = desk.git("rev-parse", "HEAD")
    document, _ = desk.record("echo x >> app.py; git add -A; git commit -q -m own", "--commit", "again")
    assert document["commit"] is None
    assert desk.rows() == [("app.py", "100644", "100644")]
    assert desk.git("rev-parse", "HEAD~1") == before
    assert desk.generations()[-1].target.base_commit == before


def test_what_a_command_commits_although_it_is_ignored_is_signed(desk: Desk) -> None:
    desk.commit(__gitignore="*.log\n")
    desk.record("echo x > forced.log; git add -f forced.log; git commit -q -m forced")
    assert desk.rows() == [("forced.log", "-", "100644")]


def test_what_a_command_untracks_and_ignores_is_a_deletion(desk: Desk) -> None:
    desk.record("echo app.py > .gitignore; git rm -q --cached app.py; git add .gitignore; git commit -q -m untrack")
    assert desk.rows() == [(".gitignore", "-", "100644"), ("app.py", "100644", "-")]


def test_a_new_branch_from_here_is_fine_and_another_history_is_refused(desk: Desk) -> None:
    desk.git("branch", "elsewhere")
    desk.commit(more="1\n")
    desk.record("git checkout -q -b fresh; echo x >> app.py", "--commit", "on fresh")
    assert desk.git("symbolic-ref", "HEAD") == "refs/heads/fresh"
    before = len(desk.statements())
    words = ("record", "--agent", "coder", "--", "git", "checkout", "-q", "elsewhere")
    assert "HEAD moved from" in desk.refused(2, *words)
    assert len(desk.statements()) == before


def test_a_file_that_changes_after_it_was_signed_is_not_committed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from countermark_service import signing

    real = signing.sign_work

    def slow(*arguments: object) -> object:
        (desk.root / "app.py").write_text("somebody else\n")
        return real(*arguments)

    monkeypatch.setattr(signing, "sign_work", slow)
    head = desk.git("rev-parse", "HEAD")
    words = ("record", "--agent", "coder", "--commit", "m", "--", "sh", "-c", "echo x >> app.py")
    assert "expected the content that was signed" in desk.refused(2, *words)
    assert desk.git("rev-parse", "HEAD") == head


# --- who ----------------------------------------------------------------------------------------------


def test_an_agent_that_is_not_enrolled_is_refused_before_anything_runs(desk: Desk) -> None:
    said = desk.refused(2, "record", "--agent", "stranger", "--", "touch", "ran")
    assert "countermark agent add stranger" in said
    assert not (desk.root / "ran").exists()


@pytest.mark.parametrize("name", ["Coder", "a/b", "", "../x", "a" * 64])
def test_a_name_that_no_agent_can_have_is_wrong_usage(desk: Desk, name: str) -> None:
    assert desk.refused(2, "record", "--agent", name, "--", "true")


def test_a_revoked_agent_is_refused_before_anything_runs(desk: Desk) -> None:
    desk.must("agent", "revoke", "coder", "--reason", "retired")
    assert "retired" in desk.refused(13, "record", "--agent", "coder", "--", "touch", "ran")
    assert not (desk.root / "ran").exists()


# --- the work tree -------------------------------------------------------------------------------------


def test_a_fifo_in_place_of_a_tracked_file_is_refused_and_nothing_signed(desk: Desk) -> None:
    before = len(desk.statements())
    said = desk.refused(2, "record", "--agent", "coder", "--", "sh", "-c", "rm app.py; mkfifo app.py")
    assert "a FIFO" in said
    assert len(desk.statements()) == before


def test_a_fifo_that_git_would_not_see_holds_nothing_up(desk: Desk) -> None:
    os.mkfifo(desk.root / "pipe")
    desk.record("mkfifo another; echo x >> app.py", "--commit", "m")
    assert desk.rows() == [("app.py", "100644", "100644")]


def test_what_lies_in_a_nested_repository_is_not_signed(desk: Desk) -> None:
    desk.record("git init -q nested; echo x > nested/file; echo x >> app.py")
    assert desk.rows() == [("app.py", "100644", "100644")]


def test_a_name_outside_utf8_is_refused(desk: Desk) -> None:
    script = "echo x > \"$(printf 'bad\\377')\""
    assert "UTF-8" in desk.refused(2, "record", "--agent", "coder", "--", "sh", "-c", script)


# --- the ledger ----------------------------------------------------------------------------------------


def test_two_processes_at_once_lose_nothing_and_number_the_status_apart(desk: Desk) -> None:
    """Each signs three files of its own; every statement and every status is in the log once."""
    for number in range(2):
        desk.must("agent", "add", f"bot{number}")
    before = len(desk.statements(STATUS))
    script = "import sys; from countermark_service.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", script]
    running = [
        subprocess.Popen(
            [*words, "sign" if step % 2 else "record", "--agent", f"bot{step % 2}", *_work(step)],
            cwd=desk.clone(desk.root.parent / f"clone{step}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for step in range(4)
    ]
    for child in running:
        _, err = child.communicate(timeout=60)
        assert child.returncode == 0, err.decode()
    made = desk.generations()
    recorded = [row.path for one in made for row in one.part.rows.transitions]
    assert sorted(recorded) == ["made0", "made2"]
    numbers = [one.predicate["number"] for one in desk.statements(STATUS)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == before + 2


def _work(step: int) -> list[str]:
    return [] if step % 2 else ["--", "sh", "-c", f"echo {step} > made{step}"]


def test_a_clock_that_went_back_is_told_and_nothing_is_signed(desk: Desk) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with embedded.opened(desk.home, lambda: tomorrow) as ledger:
        ledger.sign([])
    said = desk.refused(12, "record", "--agent", "coder", "--", "touch", "ran")
    assert "behind the last checkpoint" in said
    assert "set the clock" in said
    assert not (desk.root / "ran").exists()


def test_a_database_that_another_program_locks_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    monkeypatch.setattr(sql, "sqlite_engine", partial(sqlite_engine, busy_seconds=0.05))
    other = sqlite3.connect(desk.home.database)
    other.execute("BEGIN IMMEDIATE")
    try:
        words = ("record", "--agent", "coder", "--", "sh", "-c", "echo x >> app.py")
        assert "another program holds the database" in desk.refused(20, *words)
    finally:
        other.close()


@pytest.mark.parametrize("size", [100, 5000, 0])
def test_a_truncated_database_is_told(desk: Desk, size: int) -> None:
    database = desk.home.database
    for leftover in desk.home.path.glob("ledger.sqlite-*"):
        leftover.unlink()
    with database.open("r+b") as file:
        file.truncate(size)
    code, _, err = desk.run("record", "--agent", "coder", "--", "touch", "ran")
    assert code in {12, 20}
    assert "store" in err
    assert "hint:" in err
    assert not (desk.root / "ran").exists()


def test_a_database_that_is_gone_is_told(desk: Desk) -> None:
    desk.home.database.unlink()
    assert "no such file" in desk.refused(20, "record", "--agent", "coder", "--", "true")


@pytest.mark.parametrize(("name", "mode"), [("log.key", 0o644), ("intermediate.key", 0o640), (".", 0o755)])
def test_a_key_that_others_can_read_is_refused(desk: Desk, name: str, mode: int) -> None:
    (desk.home.keys / name).chmod(mode)
    said = desk.refused(2, "record", "--agent", "coder", "--", "touch", "ran")
    assert "expected it to be yours alone" in said
    assert "chmod" in said
    assert not (desk.root / "ran").exists()


def test_a_private_folder_that_is_gone_is_told(desk: Desk) -> None:
    (desk.home.path / "config.json").unlink()
    assert "private folder is gone" in desk.refused(2, "record", "--agent", "coder", "--", "true")


def test_a_branch_beside_the_protected_one_is_refused(desk: Desk) -> None:
    desk.git("checkout", "-q", "--orphan", "island")
    desk.commit()
    assert "expected it to descend from refs/heads/main" in desk.refused(2, "record", "--agent", "coder", "--", "true")


def test_a_bare_repository_has_nothing_to_record(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    monkeypatch.chdir(tmp_path / "bare.git")
    assert main(["record", "--agent", "coder", "--", "true"]) == 2
    assert "found a bare repository" in capsys.readouterr().err


def test_a_statement_names_every_file_it_is_about(desk: Desk) -> None:
    document, _ = desk.record("echo x >> app.py; echo y > new")
    statement: Statement = desk.statements(GENERATION)[-1]
    assert [subject.name for subject in statement.subjects][:2] == ["app.py", "new"]
    assert json.loads(json.dumps(document["changes"]))[1]["path"] == "new"
