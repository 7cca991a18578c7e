"""Every format of a decision, read back by a parser of its own kind, over a change that is hostile in every name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from countermark_ledger.bundle import Bundle
from countermark_ledger.display import safe
from countermark_ledger.errors import Malformed
from countermark_ledger.predicates.verdict import Verdict
from countermark_ledger.statement import Statement
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.result import ScanResult
from countermark_scanners.score import score
from countermark_service.exits import Exit
from countermark_service.gate.outputs import registry
from countermark_service.gate.outputs.registry import FORMATS

from .conftest import CLEAN, Scene

HOSTILE = (
    "](javascript:alert(1)).py",
    "<!-- --><img src=x onerror=alert(1)>.py",
    "@everyone #1 GH-1.py",
    "::error::x.py",
    "##[stop-commands]t.py",
    "x%0A::set-output name=verdict::PASSED.py",
    "a\nverdict=PASSED.py",
    "a,line=1::b.py",
    "\u202egpj.py",
    "\x1b[2J.py",
    "]]>&<b a='1'>\uffff.py",
    "`id` ``` ~~~.py",
    "| a | b |.py",
    "-rf.py",
    "www.evil.example and ada@evil.example.py",
    "\udcff.py",
)
"""Names that mean something to a terminal, a log, a page, a parser of XML, or a shell."""
MESSAGE = "uses eval: [click](http://evil.example) {0} <b>@ada</b> `x` \x07"


def finding(number: int, severity: Severity = Severity.HIGH, path: str = "app.py") -> Finding:
    return Finding(
        f"{number:064x}", "B307", 95, severity, Confidence.HIGH, path, number, MESSAGE, "use `literal_eval`", "bandit"
    )


def scan_of(*findings: Finding) -> ScanResult:
    return replace(CLEAN, new_findings=findings, score=score(findings))


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def show(*found: Finding) -> None:
        monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: scan_of(*found))

    return show


@pytest.fixture
def written(scene: Scene, tmp_path: Path) -> Callable[..., tuple[int, dict[str, bytes]]]:
    """Run the gate and return its code and every format that it wrote."""

    def run(*words: str) -> tuple[int, dict[str, bytes]]:
        folder = tmp_path / "out"
        outputs = [word for name in FORMATS for word in ("--output", f"{name}={folder / name}")]
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        code = scene.run("gate", *outputs, *words)
        return code, {path.name: path.read_bytes() for path in folder.iterdir()}

    return run


Written = Callable[..., tuple[int, dict[str, bytes]]]


@pytest.fixture
def red(scene: Scene, findings: Callable[..., None], written: Written) -> dict[str, bytes]:
    """A refused change: hostile names that nobody signed, one file edited after it was signed, two findings."""
    findings(finding(1), finding(2, Severity.CRITICAL, HOSTILE[0]))
    scene.change({"app.py": "one = 1\ntwo = 2\n"})
    scene.write({"app.py": "one = 1\ntwo = 2\nthree = 3\nfour = 4\n"})
    for name in HOSTILE:
        place = scene.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        Path(os.fsencode(place).decode("utf-8", "surrogateescape")).write_text("x = 1\n")
    scene.commit("hostile")
    code, found = written("--record", "never")
    assert code == Exit.UNACCOUNTED
    assert set(found) == set(FORMATS)
    return found


@pytest.fixture
def green(scene: Scene, written: Written) -> dict[str, bytes]:
    scene.change({"app.py": "two = 2\n"})
    code, found = written()
    assert code == 0
    return found


@pytest.fixture
def undecided(scene: Scene, written: Written) -> dict[str, bytes]:
    code, found = written("--protected-ref", "refs/heads/nowhere")
    assert code == Exit.USAGE
    return found


# --- every format -----------------------------------------------------------------------------------


def test_no_format_lets_a_control_or_an_override_through(red: dict[str, bytes]) -> None:
    for name, raw in red.items():
        text = raw.decode("utf-8")
        found = [c for c in ("\x1b", "\x07", "\u202e", "\r", "\uffff") if c in text]
        assert found == [], name


def test_every_format_says_when_nothing_was_decided(undecided: dict[str, bytes]) -> None:
    assert set(undecided) == set(FORMATS)
    silent = {name for name, raw in undecided.items() if b"nowhere" not in raw}
    assert silent <= {"vsa", "outputs", "input"}
    assert b"UNDECIDED" in undecided["vsa"]
    assert b"UNDECIDED" in undecided["outputs"]


def test_every_format_says_when_nothing_is_enforced(scene: Scene, written: Written) -> None:
    policy = scene.root / ".countermark" / "policy.json"
    scene.git("checkout", "-q", "main")
    policy.write_text(policy.read_text().replace('"enforce"', '"observe"'))
    scene.commit("observe")
    scene.branch("other")
    scene.write({"new.py": "x = 1\n"})
    scene.commit()
    code, found = written("--record", "never")
    assert code == 0
    quiet = {name for name, raw in found.items() if b"NOT ENFORCING" not in raw}
    assert quiet <= {"json", "outputs", "input"}, "these say it in a field of their own"
    assert json.loads(found["json"])["enforcing"] is False
    assert outputs_of(found["outputs"])["enforcing"] == "false"
    assert outputs_of(found["outputs"])["verdict"] == "FAILED"


def test_json_is_what_json_prints(scene: Scene, written: Written) -> None:
    scene.write({"app.py": "two = 2\n"})
    scene.commit()
    scene.capsys.readouterr()
    _, found = written("--record", "never", "--json")
    assert json.loads(found["json"]) == json.loads(scene.capsys.readouterr().out)


def test_text_is_what_a_terminal_shows(scene: Scene, written: Written) -> None:
    scene.write({"app.py": "two = 2\n"})
    scene.commit()
    scene.capsys.readouterr()
    _, found = written("--record", "never")
    assert found["text"].decode() == scene.capsys.readouterr().out


# --- the refusal itself -----------------------------------------------------------------------------


def test_a_refusal_names_file_lines_last_signed_state_and_a_command(red: dict[str, bytes]) -> None:
    (reason,) = [one for one in json.loads(red["json"])["reasons"] if one["path"] == "app.py"]
    assert (reason["lines"], reason["extent"]) == ([[3, 4]], "")
    assert reason["lastSigned"]["signer"].endswith("/agent/coder")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reason["lastSigned"]["signed"])
    assert reason["hint"] == "countermark claim app.py"
    text = red["text"].decode()
    assert "app.py:3-4 (2 lines): the last signed content is" in text
    assert re.search(r"^  last signed  sha256 [0-9a-f]{12} by spiffe://\S+/agent/coder at \S+Z$", text, re.MULTILINE)


def test_what_has_no_lines_says_what_it_has_instead(scene: Scene, written: Written) -> None:
    scene.write({"run.sh": "#!/bin/sh\n", "gone.py": "x = 1\n"})
    scene.git("checkout", "-q", "main")
    scene.commit("more")
    scene.branch("other")
    (scene.root / "run.sh").chmod(0o755)
    scene.write({"gone.py": None, "blob.bin": b"\x00\x01" * 50, "long.txt": "x\n" * 600_000})
    (scene.root / "link").symlink_to("app.py")
    scene.commit()
    code, found = written("--record", "never")
    reasons = {one["path"]: one["extent"] for one in json.loads(found["json"])["reasons"] if one["lastSigned"] is None}
    assert code == Exit.UNACCOUNTED
    assert reasons["run.sh"] == "mode 100644 -> 100755"
    assert reasons["gone.py"] == "deleted"
    assert reasons["blob.bin"] == "no text"
    assert reasons["link"] == "no text"
    assert outputs_of(found["outputs"])["unattributed-lines"] == "unknown"


def test_lines_are_counted_against_the_tip_where_nothing_was_signed(scene: Scene, written: Written) -> None:
    scene.write({"app.py": "zero = 0\none = 1\n\nlast = 9\n"})
    scene.commit()
    _, found = written("--record", "never")
    (reason,) = json.loads(found["json"])["reasons"]
    assert reason["lines"] == [[1, 1], [3, 4]]
    assert outputs_of(found["outputs"])["unattributed-lines"] == "3"
    assert "app.py:1,3-4 (3 lines)" in found["text"].decode()


# --- SARIF ------------------------------------------------------------------------------------------

SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results", "invocations"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "uniqueItems": True,
                                        "items": {"required": ["id", "shortDescription", "defaultConfiguration"]},
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "maxItems": 25_000,
                        "items": {
                            "required": ["ruleId", "level", "message", "locations", "partialFingerprints"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": {"required": ["text"]},
                                "locations": {"minItems": 1, "maxItems": 10},
                            },
                        },
                    },
                    "invocations": {
                        "items": {
                            "required": ["executionSuccessful"],
                            "properties": {
                                "exitCode": {"type": "integer"},
                                "toolExecutionNotifications": {
                                    "items": {
                                        "required": ["message"],
                                        "properties": {"level": {"enum": ["none", "note", "warning", "error"]}},
                                    }
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""What of the official schema, and of what code scanning demands beyond it, concerns what we write."""


def run_of(raw: bytes) -> dict[str, Any]:
    log = json.loads(raw)
    Draft202012Validator(SARIF).validate(log)
    (found,) = log["runs"]
    return dict(found)


def test_sarif_has_a_result_for_each_reason_at_a_file_and_for_each_finding(red: dict[str, bytes]) -> None:
    found = run_of(red["sarif"])
    placed = [one for one in json.loads(red["json"])["reasons"] if one["path"] is not None]
    assert len(found["results"]) == len(placed) + 2
    rules = {rule["id"] for rule in found["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in found["results"]} <= rules
    assert len(rules) == len(found["tool"]["driver"]["rules"])
    places = [result["locations"][0]["physicalLocation"] for result in found["results"]]
    assert {"startLine": 3, "endLine": 4} in [place["region"] for place in places]
    uris = {place["artifactLocation"]["uri"] for place in places}
    assert "%5D%28javascript%3Aalert%281%29%29.py" in uris
    assert [uri for uri in uris if not re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)] == []
    assert found["invocations"][0]["exitCode"] == Exit.UNACCOUNTED


def test_sarif_messages_hold_no_link_of_sarifs_own(red: dict[str, bytes]) -> None:
    texts = [result["message"]["text"] for result in run_of(red["sarif"])["results"]]
    assert [text for text in texts if re.search(r"(?<!\\)[\[\]]", text)] == []
    assert any(r"\[click\]" in text for text in texts)


def test_a_reason_at_no_file_is_a_notification_because_pages_refuse_results_without_a_place(
    undecided: dict[str, bytes],
) -> None:
    found = run_of(undecided["sarif"])
    assert found["results"] == []
    (notice,) = found["invocations"][0]["toolExecutionNotifications"]
    assert (notice["level"], "nowhere" in notice["message"]["text"]) == ("error", True)
    assert found["invocations"][0]["executionSuccessful"] is False


def test_sarif_keeps_to_what_pages_take_reasons_first_and_says_what_it_left_out(
    scene: Scene, findings: Callable[..., None], written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countermark_scanners.sarif.MOST_RESULTS", 3)
    findings(*(finding(number) for number in range(1, 6)))
    scene.write({"a.py": "x = 1\n", "b.py": "x = 1\n"})
    scene.commit()
    found = run_of(written("--record", "never")[1]["sarif"])
    assert [result["ruleId"] for result in found["results"]] == ["countermark/coverage"] * 2 + ["B307"]
    said = [one["message"]["text"] for one in found["invocations"][0]["toolExecutionNotifications"]]
    assert any("left out" in text for text in said)


# --- JUnit ------------------------------------------------------------------------------------------


def test_junit_has_a_case_for_each_file_and_fails_what_is_refused(red: dict[str, bytes]) -> None:
    (suite,) = ET.fromstring(red["junit"])  # noqa: S314  # our own bytes; the parser is the point
    cases = suite.findall("testcase")
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    assert {safe(name) for name in HOSTILE} | {"app.py"} <= failed
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(len(failed))
    (app,) = [case for case in cases if case.get("name") == "app.py"]
    assert "hint: countermark claim app.py" in (app.findtext("failure") or "")


def test_junit_of_an_accepted_change_has_cases_and_no_failure(green: dict[str, bytes]) -> None:
    (suite,) = ET.fromstring(green["junit"])  # noqa: S314  # as above
    assert [case.get("name") for case in suite.findall("testcase")] == ["app.py", "score 100 of 100"]
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


def test_junit_of_nothing_decided_is_an_error_and_not_an_empty_suite(undecided: dict[str, bytes]) -> None:
    (suite,) = ET.fromstring(undecided["junit"])  # noqa: S314  # as above
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")


def test_junit_leaves_out_what_passed_before_what_failed_and_says_so(
    scene: Scene, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countermark_service.gate.outputs.junit.MAX_CASES", 1)
    scene.change({"app.py": "two = 2\n"})
    scene.write({"z.py": "x = 1\n"})
    scene.commit()
    (suite,) = ET.fromstring(written("--record", "never")[1]["junit"])  # noqa: S314  # as above
    assert [case.get("name") for case in suite.findall("testcase")] == ["z.py"]
    assert "2 cases were left out" in (suite.findtext("system-out") or "")


# --- GitLab -----------------------------------------------------------------------------------------

CODE_QUALITY: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1, "pattern": "^(?!\\./)"},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
TOOL = {
    "type": "object",
    "required": ["id", "name", "version", "vendor"],
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in ("id", "name", "version")},
        "vendor": {"required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}},
    },
}
SAST: dict[str, Any] = {
    "type": "object",
    "required": ["scan", "version", "vulnerabilities"],
    "properties": {
        "version": {"pattern": r"^15\.[0-9]+\.[0-9]+$"},
        "scan": {
            "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
            "properties": {
                "analyzer": TOOL,
                "scanner": TOOL,
                "start_time": TIME,
                "end_time": TIME,
                "status": {"enum": ["success", "failure"]},
                "type": {"const": "sast"},
                "messages": {
                    "items": {
                        "required": ["level", "value"],
                        "properties": {
                            "level": {"enum": ["info", "warn", "fatal"]},
                            "value": {"type": "string", "minLength": 1},
                        },
                    }
                },
            },
        },
        "vulnerabilities": {
            "items": {
                "required": ["id", "identifiers", "location"],
                "properties": {
                    "id": {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-"},
                    "name": {"maxLength": 255},
                    "description": {"maxLength": 1_048_576},
                    "solution": {"maxLength": 7000},
                    "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                    "identifiers": {
                        "minItems": 1,
                        "items": {
                            "required": ["type", "name", "value"],
                            "properties": {
                                **{name: {"type": "string", "minLength": 1} for name in ("type", "name", "value")},
                                "url": {"pattern": "^(https?|ftp)://.+"},
                            },
                        },
                    },
                    "location": {
                        "properties": {
                            "file": {"type": "string"},
                            **{name: {"type": "number", "minimum": 1} for name in ("start_line", "end_line")},
                        }
                    },
                },
            }
        },
    },
}
"""What of GitLab's schema 15.2.1 concerns what we write."""


def test_code_quality_has_an_issue_of_its_own_for_each_reason_and_finding(red: dict[str, bytes]) -> None:
    issues = json.loads(red["codequality"])
    Draft202012Validator(CODE_QUALITY).validate(issues)
    assert len(issues) == len(json.loads(red["json"])["reasons"]) + 2
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)


def test_code_quality_of_nothing_decided_is_no_empty_list(undecided: dict[str, bytes]) -> None:
    issues = json.loads(undecided["codequality"])
    Draft202012Validator(CODE_QUALITY).validate(issues)
    assert issues[0]["severity"] == "blocker"


def test_sast_has_what_the_scanners_found_and_only_that(red: dict[str, bytes]) -> None:
    report = json.loads(red["sast"])
    Draft202012Validator(SAST).validate(report)
    assert [one["severity"] for one in report["vulnerabilities"]] == ["Critical", "High"]
    assert report["scan"]["status"] == "success"
    for one in report["vulnerabilities"]:
        assert [token.type for token in MarkdownIt().parseInline(one["description"])[0].children or ()] == [
            "code_inline"
        ]


def test_sast_of_nothing_decided_is_a_failure_of_the_scan(undecided: dict[str, bytes]) -> None:
    report = json.loads(undecided["sast"])
    Draft202012Validator(SAST).validate(report)
    assert (report["scan"]["status"], report["vulnerabilities"]) == ("failure", [])


# --- Markdown ---------------------------------------------------------------------------------------


def tokens(raw: bytes) -> Iterator[Any]:
    page = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").parse(raw.decode())
    for token in page:
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("name", ["summary", "comment"])
def test_a_page_holds_nothing_hostile_but_as_code(name: str, red: dict[str, bytes]) -> None:
    raw = red[name]
    if name == "comment":
        marker, raw = raw.split(b"\n", 1)
        assert marker == b"<!-- countermark: sticky comment -->"
    found = list(tokens(raw))
    kinds = {token.type for token in found}
    assert kinds.isdisjoint({"html_block", "html_inline", "link_open", "image", "table_open", "blockquote_open"})
    told = [token.content for token in found if token.type == "text"]
    assert [text for text in told if re.search(r"[<@]|javascript|evil|::|##\[", text)] == []
    shown = "".join(token.content for token in found if token.type in ("code_inline", "fence"))
    assert [name for name in HOSTILE if safe(name).split("`")[0].strip() not in shown] == []


def test_a_page_keeps_to_its_limit_and_says_what_it_left_out(
    scene: Scene, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("summary", "comment"):
        monkeypatch.setattr(f"countermark_service.gate.outputs.{name}.MAX_BYTES", 3000)
    scene.write({f"{'x' * 80}{number}.py": "x = 1\n" for number in range(40)})
    scene.commit()
    _, found = written("--record", "never")
    for name in ("summary", "comment"):
        assert len(found[name]) <= 3000 + len("<!-- countermark: sticky comment -->\n")
        assert found[name].startswith((b"## Countermark: FAILED", b"<!-- countermark"))
        shown = found[name].count(b"countermark claim")
        (left,) = re.findall(rb"\*\*(\d+) more were left out here\*\*", found[name])
        assert shown > 3
        assert shown + int(left) == 40


def test_the_limits_are_the_platforms() -> None:
    from countermark_service.gate.outputs import comment, summary
    from countermark_service.gate.outputs.setting import MAX_ANNOTATIONS

    assert summary.MAX_BYTES < 1024 * 1024
    assert comment.MAX_BYTES + len(comment.MARKER) + 1 < 65_536
    assert MAX_ANNOTATIONS == 10


# --- GitHub's commands and outputs ------------------------------------------------------------------

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def commands_of(raw: bytes) -> list[tuple[str, dict[str, str], str]]:
    """Read workflow commands as the runner does."""

    def unescaped(text: str) -> str:
        for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            text = text.replace(code, character)
        return text

    found = []
    for line in raw.decode().splitlines():
        parsed = COMMAND.fullmatch(line)
        if parsed is None:
            assert not line.lstrip().startswith("::"), line
            assert "##[" not in line
            continue
        pairs = (pair.split("=", 1) for pair in parsed[2].split(","))
        found.append((parsed[1], {name: unescaped(value) for name, value in pairs}, unescaped(parsed[3])))
    return found


def test_annotations_are_commands_that_no_name_can_break_out_of(red: dict[str, bytes]) -> None:
    found = commands_of(red["annotations"])
    assert {kind for kind, _, _ in found} == {"error", "warning"}
    assert all(set(given) <= {"title", "file", "line", "endLine"} for _, given, _ in found)
    files = {given["file"] for kind, given, _ in found if kind == "error"}
    assert files <= {safe(name) for name in HOSTILE} | {"app.py"}


def test_annotations_are_at_most_ten_of_a_type_the_worst_first_and_say_what_they_left_out(
    red: dict[str, bytes],
) -> None:
    found = commands_of(red["annotations"])
    reasons = len(json.loads(red["json"])["reasons"])
    assert [kind for kind, _, _ in found] == ["error"] * 10 + ["warning"] * 2
    assert [given["line"] for kind, given, _ in found if kind == "warning"] == ["2", "1"]
    assert f"{reasons - 10} more annotations were left out" in red["annotations"].decode()


def outputs_of(raw: bytes) -> dict[str, str]:
    """Read step outputs as the runner does: name<<delimiter, lines, delimiter."""
    found, lines = {}, iter(raw.decode().splitlines())
    for line in lines:
        name, marked, delimiter = line.partition("<<")
        assert marked, line
        value = []
        for more in lines:
            if more == delimiter:
                break
            value.append(more)
        found[name] = "\n".join(value)
    return found


NAMES = {
    *("verdict", "exit-code", "enforcing", "verdict-digest", "vsa-path", "report-path", "coverage", "score"),
    *("unattributed-lines", "waivers-used", "log-index", "checkpoint"),
}


def test_step_outputs_are_set_once_each_behind_delimiters_that_nobody_can_guess(red: dict[str, bytes]) -> None:
    found = outputs_of(red["outputs"])
    assert set(found) == NAMES
    assert (found["verdict"], found["exit-code"], found["log-index"], found["checkpoint"]) == (
        "FAILED",
        "11",
        "unknown",
        "unknown",
    )
    delimiters = re.findall(r"<<(\w+)", red["outputs"].decode())
    assert len(set(delimiters)) == len(NAMES)
    assert all(len(one) > 40 for one in delimiters)


def test_what_is_not_known_is_unknown_and_never_a_figure(undecided: dict[str, bytes]) -> None:
    found = outputs_of(undecided["outputs"])
    figures = ("coverage", "score", "unattributed-lines", "waivers-used", "log-index", "checkpoint")
    assert [found[name] for name in figures] == ["unknown"] * len(figures)


# --- the verdict ------------------------------------------------------------------------------------


def test_the_verdict_is_the_signed_bundle_as_it_was_logged(green: dict[str, bytes]) -> None:
    statement = Statement.parse(Bundle.parse(green["vsa"]).envelope.payload)
    assert Verdict.parse(statement).outcome.value == "PASSED"
    found = outputs_of(green["outputs"])
    name = json.loads(green["json"])["verdictBundle"]
    assert found["verdict-digest"] == f"sha256:{name}"
    assert found["log-index"] == str(Bundle.parse(green["vsa"]).entry.log_index)
    assert found["checkpoint"].count("\n") >= 3


def test_an_unsigned_verdict_is_in_a_wrapper_that_no_reader_takes_for_a_signed_one(red: dict[str, bytes]) -> None:
    found = json.loads(red["vsa"])
    assert found["unsigned"].startswith("PRELIMINARY")
    assert set(found) == {"unsigned", "verdict", "statement"}
    assert found["statement"]["predicate"]["verificationResult"] == "FAILED"
    with pytest.raises(Malformed):
        Bundle.parse(red["vsa"])


# --- where they are written -------------------------------------------------------------------------


def test_what_an_earlier_run_left_is_gone_before_anything_is_decided(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tmp_path / "report.json"
    stale.write_text('{"verdict": "PASSED"}')

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("countermark_service.cli.deciding.decide", crash)
    assert scene.run("gate", "--output", f"json={stale}") == 1
    assert not stale.exists()


def test_a_link_of_the_checkout_is_not_followed_out_of_it(scene: Scene, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "profile").write_text("mine")
    (scene.root / "reports").symlink_to(outside)
    (scene.root / "report.json").symlink_to(outside / "profile")
    assert scene.run("gate", "--output", "json=reports/profile") == 2
    assert scene.run("gate", "--output", "summary=report.json") == 2
    assert scene.run("gate", "--output", "json=report.json") == 0
    assert (outside / "profile").read_text() == "mine"
    assert not (scene.root / "report.json").is_symlink()


def test_a_file_that_can_not_be_written_is_no_pass(scene: Scene, tmp_path: Path) -> None:
    assert scene.run("gate") == 0
    (tmp_path / "file").write_text("")
    assert scene.run("gate", "--output", f"json={tmp_path / 'file' / 'below'}") == 2
    (tmp_path / "folder").mkdir()
    assert scene.run("gate", "--output", f"json={tmp_path / 'folder'}") == 2


@pytest.mark.parametrize("words", [["html=x"], ["json"], ["json="], ["=x"], ["json=x", "sarif=./x"]])
def test_an_output_that_is_none_is_refused(words: list[str], scene: Scene) -> None:
    assert scene.run("gate", *(word for one in words for word in ("--output", one))) == 2
    assert not (scene.root / "x").exists()


def test_formats_that_share_a_file_append_to_it(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("of another step\n")
    assert scene.run("gate", "--output", f"summary={path}") == 0
    assert path.read_text().startswith("of another step\n## Countermark: PASSED")


def test_the_registry_is_the_folder() -> None:
    folder = Path(registry.__file__).parent
    spelled = {Path(one.spell.__code__.co_filename).stem for one in FORMATS.values()}
    others = {"__init__", "registry", "setting", "markdown"}
    assert spelled | others == {path.stem for path in folder.glob("*.py")}
