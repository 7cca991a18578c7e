"""`countermark policy`: a file is enough, without any repository; what is no policy or no input is refused with 2."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import countermark_policies
from countermark_service.cli import main

BASE = json.loads(countermark_policies.read("gate/samples/base.json"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ever set up here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "private"))


def write(name: str, value: object) -> str:
    Path(name).write_text(json.dumps(value))
    return name


def shown(**other: object) -> str:
    return write("input.json", {"version": 1, "input": BASE["input"], **other})


def test_a_policy_that_is_understood_is_0_and_warned_of_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", write("p.json", {**BASE["policy"], "agents": []})]) == 0
    said = capsys.readouterr()
    assert "every field is understood" in said.out
    assert said.err == "warning: agents: the list is empty, so no agent's work can land; null allows every one\n"


def test_an_explanation_says_what_each_rule_asks_for_with_values_and_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["policy", "explain", write("p.json", BASE["policy"])]) == 0
    said = capsys.readouterr().out
    assert "coverage.minimum = 100 (default)" in said
    assert 'gates = ["spiffe://example.com/gate/local"]\n' in said
    assert "paths." not in said


@pytest.mark.parametrize("action", ["check", "explain"])
@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b'{"version": 1, "coverage": {"minimun": 1}}', "coverage.minimun"),
        (b'{"version": 1, "mode": "observe", "mode": "enforce"}', "duplicate key"),
        (b"", "JSON document"),
        (b" " * (1024 * 1024 + 1), "expected at most"),
    ],
)
def test_what_is_no_policy_is_refused_with_2_and_names_the_field(
    action: str, content: bytes, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("p.json").write_bytes(content)
    assert main(["policy", action, "p.json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert named in said.err
    assert "hint: countermark policy" in said.err


def test_a_file_that_is_not_there_or_never_ends_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", "absent.json"]) == 2
    assert "expected a file, found none" in capsys.readouterr().err
    os.mkfifo("pipe")
    assert main(["policy", "check", "pipe"]) == 2
    assert main(["policy", "check", write("p.json", BASE["policy"]), "--input", "/dev/zero"]) == 2


def test_an_input_is_judged_with_the_gates_own_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", write("p.json", BASE["policy"]), "--input", shown()]) == 0
    assert capsys.readouterr().out.startswith("PASSED (0)  111111111111 -> refs/heads/main\n")
    stricter = write("p.json", {**BASE["policy"], "agents": [], "witnesses": {"minimum": 2}})
    assert main(["policy", "check", stricter, "--input", shown()]) == 20
    said = capsys.readouterr().out
    assert said.startswith("REFUSED (20)")
    assert "\n  agents: src/app.py: agent spiffe://example.com/agent/coder is not on the policy's list [10]\n" in said
    assert "\n  witnesses: witnesses: the policy asks for 2" in said


def test_what_was_computed_beside_the_input_is_not_believed(capsys: pytest.CaptureFixture[str]) -> None:
    stricter = write("p.json", {**BASE["policy"], "agents": []})
    lying = shown(reasons=[], files=[], coverage={"percent": 100})
    assert main(["policy", "check", stricter, "--input", lying, "--json"]) == 10
    judged = json.loads(capsys.readouterr().out)["judged"]
    assert (judged["exitCode"], [reason["rule"] for reason in judged["reasons"]]) == (10, ["agents"])


def test_an_input_without_an_answer_and_without_a_reason_is_an_internal_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    silent = write("input.json", {"version": 1, "input": {**BASE["input"], "scan": None}})
    observing = write("p.json", {**BASE["policy"], "mode": "observe"})
    assert main(["policy", "check", observing, "--input", silent]) == 1
    assert "neither an answer nor a reason" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"version": 2, "input": BASE["input"]}, id="newer-version"),
        pytest.param(BASE["input"], id="input-alone"),
        pytest.param({"version": 1, "input": {**BASE["input"], "more": 1}}, id="another-member"),
        pytest.param([], id="a-list"),
    ],
)
def test_what_is_no_input_is_refused_with_2(wrong: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", write("p.json", BASE["policy"]), "--input", write("input.json", wrong)]) == 2
    assert "hint: countermark gate --show-input > input.json" in capsys.readouterr().err
