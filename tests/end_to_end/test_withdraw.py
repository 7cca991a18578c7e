"""Abandoned work has an end that somebody decides on: what is withdrawn is revoked, everywhere and for good."""

from __future__ import annotations

import json

import pytest

from .conftest import Scene

LARGE = {f"d/f{number:04}.py": f"n = {number}\n" for number in range(1100)}


def signed(scene: Scene, *words: str) -> list[str]:
    """Sign what is there; return the names of the statements as a program gets them."""
    return [one["bundle"] for one in json.loads(scene.must(*words, "--json"))["statements"]]


@pytest.fixture
def abandoned(scene: Scene) -> tuple[Scene, str]:
    """A change that an agent signed and nobody wants any more, and its statement's name."""
    scene.write({"app.py": "two = 2\n", "b.py": "b = 1\n"})
    (name,) = signed(scene, "sign", "--agent", "coder")
    scene.commit()
    assert scene.code() == 0
    return scene, name


@pytest.mark.parametrize("digits", [8, 16, 64])
def test_what_is_withdrawn_does_not_land(abandoned: tuple[Scene, str], digits: int) -> None:
    scene, name = abandoned
    assert "1 statements" in scene.must("withdraw", name[:digits], "--reason", "superseded")
    document = scene.gate()
    assert (document["exitCode"], document["coverage"]["covered"]) == (13, 0)
    assert {reason["path"] for reason in document["reasons"]} == {"app.py", "b.py"}
    assert "superseded" in document["reasons"][0]["message"]


def test_the_name_that_a_decision_shows_is_as_good(abandoned: tuple[Scene, str]) -> None:
    scene, _ = abandoned
    scene.must("withdraw", scene.gate()["rows"][0]["chain"][0]["source"])
    assert scene.code() == 13


def test_the_same_work_may_be_signed_anew(abandoned: tuple[Scene, str]) -> None:
    scene, name = abandoned
    scene.must("withdraw", name)
    scene.must("sign", "--agent", "coder")
    assert scene.code() == 0


def test_it_is_withdrawn_wherever_its_evidence_is_read(
    abandoned: tuple[Scene, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, name = abandoned
    scene.must("withdraw", name)
    trust = json.loads(scene.must("trust-root"))
    digest = scene.must("trust-root", "--format", "digest").strip()
    scene.must("log", "export", "../evidence")
    monkeypatch.setenv("XDG_DATA_HOME", str(scene.root.parent / "ci"))
    pins = ["--protected-ref", "main", "--repository-id", trust["repositoryId"], "--trust-root", digest]
    assert scene.code(*pins, "--bundles", "../evidence") == 13


def test_every_part_of_a_large_change_goes_with_one_of_them(scene: Scene) -> None:
    scene.write(LARGE)
    names = signed(scene, "sign", "--agent", "coder")
    scene.commit()
    assert "2 statements" in scene.must("withdraw", names[1])
    assert scene.gate()["coverage"] == {"covered": 0, "rows": 1100}


@pytest.mark.parametrize("files", [{"app.py": "two = 2\n"}, LARGE], ids=["one-statement", "in-parts"])
def test_a_claim_is_withdrawn_by_its_own_name_and_no_other_claim_with_it(scene: Scene, files: dict[str, str]) -> None:
    scene.write({"kept.py": "k = 1\n"})
    scene.must("claim")
    scene.write(files)
    names = signed(scene, "claim")
    scene.commit()
    assert scene.code() == 0
    scene.must("withdraw", names[0])
    document = scene.gate()
    assert (document["code"], document["coverage"]) == (13, {"covered": 1, "rows": len(files) + 1})


def test_a_session_is_withdrawn_by_its_id_and_another_is_not(abandoned: tuple[Scene, str]) -> None:
    scene, name = abandoned
    scene.change({"other.py": "o = 1\n"})
    said = json.loads(scene.must("withdraw", name, "--json"))
    (session,) = said["sessions"]
    assert said["statements"] == 1
    assert f"revoked session {session}" in scene.must("status", "show")
    assert scene.gate()["coverage"] == {"covered": 1, "rows": 3}
    before = json.loads(scene.must("status", "show", "--json"))["revocations"]
    scene.must("withdraw", "--session", session)
    assert json.loads(scene.must("status", "show", "--json"))["revocations"] == before


def test_what_landed_before_it_was_withdrawn_is_suspect_to_an_audit(abandoned: tuple[Scene, str]) -> None:
    scene, name = abandoned
    scene.git("tag", "start", "main")
    scene.land("work")
    assert scene.run("audit", "--since", "start") == 0
    scene.must("withdraw", name)
    assert scene.run("audit", "--since", "start") == 13


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="nothing"),
        pytest.param(["0" * 64, "--session", "x"], id="both"),
        pytest.param(["0" * 64], id="no-such-statement"),
        pytest.param(["0" * 7], id="too-short-a-name"),
        pytest.param(["--session", "nobody's"], id="no-such-session"),
    ],
)
def test_what_is_not_one_thing_to_withdraw_is_usage(abandoned: tuple[Scene, str], words: list[str]) -> None:
    scene, _ = abandoned
    assert scene.run("withdraw", *words) == 2
    assert "hint:" in scene.capsys.readouterr().err
    assert scene.code() == 0
