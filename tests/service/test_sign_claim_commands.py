"""`sign` and `claim` account for what nobody accounts for yet, and never sign over somebody else's word."""

from __future__ import annotations

from pathlib import Path

import pytest

from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.generation import Evidence

from .conftest import Desk

CLAIM = "https://countermark.dev/claim/v1"


def claims(desk: Desk) -> list[Claim]:
    return [Claim.parse(one) for one in desk.statements(CLAIM)]


def paths(made: object) -> list[str]:
    return [row.path for row in made.part.rows.transitions]


def test_sign_asserts_what_changed_since_the_protected_ref(desk: Desk) -> None:
    base = desk.git("rev-parse", "HEAD")
    desk.git("checkout", "-q", "-b", "work")
    desk.commit(committed="1\n")
    desk.write({"app.py": "changed\n", "untracked": "1\n"})
    desk.must("sign", "--agent", "coder", "--model", "m-1", "--task", "everything")
    made = desk.generations()[-1]
    assert made.evidence is Evidence.ASSERTED
    assert made.target.base_commit == base
    assert paths(made) == ["app.py", "committed", "untracked"]
    assert made.session.started == made.session.finished


@pytest.mark.parametrize("command", [("sign", "--agent", "coder"), ("claim",)])
def test_where_everything_is_accounted_for_nothing_is_signed(desk: Desk, command: tuple[str, ...]) -> None:
    desk.record("echo x >> app.py; echo y > new")
    before = len(desk.statements())
    assert desk.json(*command, "--json") == {"changes": [], "commit": None, "statements": []}
    assert len(desk.statements()) == before


def test_rows_begin_where_evidence_ends(desk: Desk) -> None:
    desk.record("echo x >> app.py")
    desk.write({"app.py": "one\ntwo\nx\nmine\n"})
    desk.must("claim")
    (row,) = claims(desk)[-1].part.rows.transitions
    (signed,) = desk.generations()[-1].part.rows.transitions
    assert row.before == signed.after


def test_what_went_back_to_where_it_was_needs_no_signature(desk: Desk) -> None:
    desk.record("echo x >> app.py")
    desk.write({"app.py": "one\ntwo\n"})
    assert desk.json("sign", "--agent", "coder", "--json")["statements"] == []


def test_after_a_revocation_a_person_can_claim_what_the_agent_signed(desk: Desk) -> None:
    desk.record("echo x >> app.py; echo y > new")
    base = desk.git("rev-parse", "HEAD^{tree}")
    desk.must("agent", "revoke", "coder", "--since", "2020-01-01T00:00:00Z")
    assert "is revoked" in desk.refused(13, "sign", "--agent", "coder")
    desk.must("claim")
    made = claims(desk)[-1]
    assert paths(made) == ["app.py", "new"]
    assert made.part.rows.transitions[0].before is not None
    assert made.part.rows.transitions[0].before.git_blob in desk.git("ls-tree", base)


def test_a_claim_is_signed_by_the_person_who_ran_init(desk: Desk) -> None:
    desk.write({"app.py": "mine\n"})
    desk.must("claim")
    assert str(claims(desk)[-1].person) == desk.config()["person"]


@pytest.mark.parametrize(
    ("given", "signed"),
    [
        (["a"], ["a"]),
        (["sub"], ["sub/x", "sub/y"]),
        (["sub/"], ["sub/x", "sub/y"]),
        (["./sub/x", "a"], ["a", "sub/x"]),
        (["sub/../a"], ["a"]),
        (["."], ["a", "sub/x", "sub/y", "subway"]),
        ([], ["a", "sub/x", "sub/y", "subway"]),
    ],
)
def test_paths_choose_files_and_folders(desk: Desk, given: list[str], signed: list[str]) -> None:
    desk.write({"a": "1\n", "sub/x": "1\n", "sub/y": "1\n", "subway": "1\n"})
    desk.must("claim", *given)
    assert paths(claims(desk)[-1]) == signed


def test_paths_are_taken_from_where_one_stands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write({"x": "1\n", "sub/x": "1\n", "sub/y": "1\n"})
    monkeypatch.chdir(desk.root / "sub")
    desk.must("sign", "--agent", "coder", "x")
    assert paths(desk.generations()[-1]) == ["sub/x"]
    desk.must("claim", ".")
    assert paths(claims(desk)[-1]) == ["sub/y"]
    desk.must("claim", "../x")
    assert paths(claims(desk)[-1]) == ["x"]


@pytest.mark.parametrize(
    ("path", "said"),
    [("app.py", "found nothing"), ("absent", "found nothing"), (".", ".: expected something"), ("..", "one outside")],
)
def test_a_path_without_anything_to_sign_is_wrong_usage(desk: Desk, path: str, said: str) -> None:
    assert said in desk.refused(2, "claim", path)


def test_an_absolute_path_is_taken_as_it_is(desk: Desk) -> None:
    desk.write({"new": "1\n"})
    desk.must("claim", str(desk.root / "new"))
    assert paths(claims(desk)[-1]) == ["new"]


def test_a_symbolic_link_is_claimed_and_not_followed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (desk.root / "link").symlink_to(tmp_path / "outside")
    desk.must("claim", "link")
    assert paths(claims(desk)[-1]) == ["link"]


def test_base_signs_from_a_revision_whatever_is_signed_already(desk: Desk) -> None:
    first = desk.git("rev-parse", "HEAD")
    desk.record("echo x >> app.py", "--commit", "signed")
    desk.must("claim", "--base", first)
    assert paths(claims(desk)[-1]) == ["app.py"]
    desk.must("sign", "--agent", "coder", "--base", "HEAD~2")
    assert ".countermark/policy.json" in paths(desk.generations()[-1])


def test_a_base_that_does_not_exist_is_wrong_usage(desk: Desk) -> None:
    assert "expected a ref of this name" in desk.refused(2, "claim", "--base", "nowhere")


def test_evidence_from_an_older_base_is_not_reused(desk: Desk) -> None:
    """What was signed before main moved may be spent; the new work begins at the new base."""
    desk.record("echo x >> app.py", "--commit", "landed")
    desk.write({"app.py": "one\ntwo\n"})
    desk.commit("reverted by nobody")
    desk.git("checkout", "-q", "-b", "work")
    desk.write({"app.py": "one\ntwo\nx\n"})
    desk.must("sign", "--agent", "coder")
    (row,) = desk.generations()[-1].part.rows.transitions
    assert row.path == "app.py"
    assert len(desk.generations()) == 2


def test_a_deletion_can_be_claimed(desk: Desk) -> None:
    (desk.root / "app.py").unlink()
    assert desk.must("claim") == "D app.py\n"


@pytest.mark.parametrize("name", ["stranger", "No Such"])
def test_sign_needs_an_enrolled_agent(desk: Desk, name: str) -> None:
    assert desk.refused(2, "sign", "--agent", name)


def test_a_change_of_more_files_than_one_statement_holds_is_signed_whole(desk: Desk) -> None:
    desk.write({f"many/{number:04}": f"{number}\n" for number in range(1100)})
    said = desk.json("claim", "--json")
    assert len(said["statements"]) == 2
    assert len(said["changes"]) == 1100
    assert desk.json("claim", "--json")["statements"] == []
    desk.must("bundles", "fetch", ".")
