"""The stage on records written by hand: what is undeclared, new, standing, dormant, explained and incomplete."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from countermark_ledger.node import Mode
from countermark_scanners import catalogue
from countermark_scanners.dynamic import stage
from countermark_scanners.dynamic.errors import CannotLayOut, NoIsolation, PlanMalformed, RecordMalformed
from countermark_scanners.dynamic.plan import Plan
from countermark_scanners.dynamic.sandbox import After, Job, Record, Tree
from countermark_scanners.dynamic.stage import NotRun, Outcome
from countermark_scanners.finding import Confidence

PLAN = Plan("host", ("python3", "t.py"), 30)
TREE: Tree = {"t.py": (Mode.FILE, b"import x\n"), "x.py": (Mode.FILE, b"1\n2\n3\n"), "old": (Mode.SYMLINK, b"/etc")}
BASE: Tree = {"t.py": (Mode.FILE, b"base\n")}
BEGIN = """10 execve("/usr/bin/bwrap", ["bwrap"], 0x7f /* 3 vars */) = 0
12 execve("/usr/bin/python3", ["python3", "t.py"], 0x7f /* 9 vars */) = 0
"""
END = "12 +++ exited with 0 +++\n10 +++ exited with 0 +++\n"
REACH = '12 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = -1 EPERM (No)\n'
REMOVE = '12 unlink("/etc/passwd") = -1 EROFS (No)\n'

QUIET = Record(0, False, b"", b"", (BEGIN + END).encode(), b"", (), (), "", "", 0.1)  # noqa: FBT003  # a field


def record(lines: str = "", **other: object) -> Record:
    return dataclasses.replace(QUIET, trace=(BEGIN + lines + END).encode(), **other)  # type: ignore[arg-type]  # fields


class Scripted:
    """A sandbox that brings back what a test wrote for a job."""

    def __init__(self, answer: Callable[[Job], Record]) -> None:
        self.answer = answer
        self.jobs: list[Job] = []

    def describe(self) -> str:
        return "a script, a record"

    def run(self, job: Job) -> Record:
        self.jobs.append(job)
        return self.answer(job)


class Absent(Scripted):
    def describe(self) -> str:
        raise NoIsolation("nothing here holds anything")


def ran(answer: Callable[[Job], Record], base: Tree | None = None) -> Outcome:
    outcome = stage.run(PLAN, TREE, Scripted(answer), base=base)
    assert isinstance(outcome, Outcome)
    return outcome


def told(outcome: Outcome) -> dict[str, list[tuple[str, int]]]:
    return {
        path: [(hit.rule.removeprefix("countermark/"), hit.line) for hit in hits] for path, hits in outcome.hits.items()
    }


def test_what_is_not_declared_is_said_to_have_not_run() -> None:
    sandbox = Absent(lambda _job: QUIET)
    outcome = stage.run(None, TREE, sandbox)
    assert isinstance(outcome, NotRun)
    assert outcome.to_json() == {"outcome": "not-run", "reason": "not run: the policy declares no command"}
    assert sandbox.jobs == []


def test_what_is_declared_and_can_not_be_held_is_an_error() -> None:
    with pytest.raises(NoIsolation):
        stage.run(PLAN, TREE, Absent(lambda _job: QUIET))


def test_two_machines_differ_in_all_that_code_waits_for() -> None:
    sandbox = Scripted(lambda _job: QUIET)
    stage.run(PLAN, TREE, sandbox)
    one, other = sorted((job.surroundings for job in sandbox.jobs), key=lambda machine: machine.shift_days)
    assert (one.environment["CI"], other.environment.get("CI")) == ("true", None)
    assert one.user != other.user
    assert one.host != other.host
    assert (one.shift_days, other.shift_days > 366) == (0, True)
    assert set(one.files) == set(other.files)
    assert not set(one.files.values()) & set(other.files.values())


def test_nothing_done_is_nothing_found() -> None:
    outcome = ran(lambda _job: QUIET)
    assert (outcome.hits, outcome.standing, outcome.unscanned) == ({}, {}, None)
    assert "held and watched by a script, a record" in outcome.log()


def test_the_tests_own_failure_is_reported_and_is_no_finding() -> None:
    outcome = ran(lambda _job: record(code=1))
    assert (outcome.hits, outcome.unscanned) == ({}, None)
    assert [one.code for one in outcome.runs] == [1, 1]
    assert outcome.to_json()["outcome"] == "ran"
    assert outcome.log().count("exit code 1") == 2


def test_a_deed_is_found_once_for_both_machines_and_confirmed() -> None:
    outcome = ran(lambda _job: record(REACH + REACH))
    (hit,) = outcome.hits["dynamic:run-network"]
    assert hit.confidence is Confidence.CONFIRMED
    assert "dormant" not in hit.message


@pytest.mark.parametrize(("shifted", "machine"), [(True, "developer-like"), (False, "CI-like")])
def test_a_deed_on_one_machine_counts_and_is_said_to_be_dormant(shifted: bool, machine: str) -> None:  # noqa: FBT001  # a case
    outcome = ran(lambda job: record(REACH) if bool(job.surroundings.shift_days) is shifted else QUIET)
    (hit,) = outcome.hits["dynamic:run-network"]
    assert f"only on the {machine} machine, dormant on the other" in hit.message


def test_a_cause_points_to_its_line() -> None:
    causes = b"socket.connect\t(<socket>, ('192.0.2.1', 80))\tx.py\t3\n"
    assert told(ran(lambda _job: record(REACH + REMOVE, causes=causes))) == {
        "dynamic:run-write-outside": [("run-write-outside", 1)],
        "x.py": [("run-network", 3)],
    }


@pytest.mark.parametrize(
    "causes",
    [
        b"socket.connect\t'192.0.2.1'\tnot-there.py\t3\n",
        b"a\tb\n",
        b"\xff\xfe",
        b"socket.connect\t'192.0.2.1'\tx.py\t-1\n",
        b"socket.connect\t'192.0.2.1'\tx.py\t99999999999999999\n",
    ],
)
def test_a_cause_that_is_none_takes_nothing_away(causes: bytes) -> None:
    assert told(ran(lambda _job: record(REACH, causes=causes))) == {"dynamic:run-network": [("run-network", 1)]}


def test_what_the_base_does_stands_and_the_rest_is_new() -> None:
    outcome = ran(lambda job: record(REACH if "x.py" not in job.tree else REACH + REMOVE), BASE)
    assert list(outcome.hits) == ["dynamic:run-write-outside"]
    assert list(outcome.standing) == ["dynamic:run-network"]


@pytest.mark.parametrize("error", [NoIsolation("no such command"), CannotLayOut("a"), RecordMalformed("b")])
def test_a_base_that_can_not_be_run_excuses_nothing(error: Exception) -> None:
    def answer(job: Job) -> Record:
        if "x.py" not in job.tree:
            raise error
        return record(REACH)

    assert list(ran(answer, BASE).hits) == ["dynamic:run-network"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (dataclasses.replace(QUIET, incomplete="standard output is longer"), "standard output is longer"),
        (dataclasses.replace(QUIET, trace=BEGIN.encode()), "the trace has no end"),
    ],
)
def test_what_is_incomplete_on_one_machine_is_incomplete(broken: Record, reason: str) -> None:
    outcome = ran(lambda job: broken if job.surroundings.shift_days else QUIET)
    assert outcome.unscanned == f"developer-like machine: {reason}"
    assert reason in outcome.log()


def test_a_command_that_did_not_start_is_an_error() -> None:
    nothing = dataclasses.replace(
        QUIET, trace=b"10 +++ exited with 1 +++\n", stderr=b"bwrap: execvp python3: No such file"
    )
    with pytest.raises(NoIsolation, match="expected 'python3' to start, found: bwrap: execvp"):
        ran(lambda _job: nothing)


def left(path: str, kind: str = "file", **other: object) -> After:
    plain = After(
        path, kind, executable=False, setuid=False, sha256="", target="", content=b"new" if kind == "file" else None
    )
    return dataclasses.replace(plain, **other)  # type: ignore[arg-type]  # fields


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (left(".git", "directory"), "run-git-change"),
        (left("a/.GIT/config"), "run-git-change"),
        (left("deep/conftest.py"), "run-start-up-file"),
        (left(".github/x"), "run-start-up-file"),
        (left("a.pth"), "run-start-up-file"),
        (left("a", "link", target="/etc/passwd"), "run-link-out"),
        (left("a/b", "link", target="../../home"), "run-link-out"),
        (left("old", "link", target="/root"), "run-link-out"),
        (left("a", executable=True), "run-executable"),
        (left("x.py", executable=True, content=None), "run-executable"),
        (left("a", content=b"\x7fELF..."), "run-executable"),
        (left("a", setuid=True), "run-privilege"),
        (left("old", "link", target="/etc"), None),
        (left("a/b", "link", target="../t.py"), None),
        (left("venv/bin/python", "link", target="/usr/bin/python3"), None),
        (left("build/a", executable=True), None),
        (left("out", "directory"), None),
        (left("x.py", content=None), None),
        (left("pipe", "special"), None),
    ],
)
def test_what_is_left_in_the_workspace_is_judged(row: After, rule: str | None) -> None:
    outcome = ran(lambda _job: record(after=(row,)))
    assert {hit.rule for hits in outcome.hits.values() for hit in hits} == ({f"countermark/{rule}"} if rule else set())


def test_what_lies_in_the_home_afterwards_counts_however_it_came_there() -> None:
    rows = (left(".local/bin/ls"), left(".netrc"), left(".cache/a"), left("diary"))
    assert {hit.rule for hits in ran(lambda _job: record(home=rows)).hits.values() for hit in hits} == {
        "countermark/run-persistence",
        "countermark/run-home-write",
    }


def test_a_planted_secret_is_found_in_what_was_written_and_printed() -> None:
    def answer(job: Job) -> Record:
        secret = job.surroundings.environment["GITHUB_TOKEN"].encode()
        return record(after=(left("a", content=secret.hex().encode()),), stdout=secret)

    (hit,) = ran(answer).hits["dynamic:run-secret-leak"]
    assert "its standard output (the decoy $GITHUB_TOKEN), the file a (the decoy $GITHUB_TOKEN)" in hit.message


def test_no_message_holds_a_secret_or_a_control_character() -> None:
    def answer(job: Job) -> Record:
        secret = job.surroundings.environment["GITHUB_TOKEN"]
        return record(after=(left(f"{secret}.pth"), left("\x1b[31m\u202e.pth")))

    messages = [hit.message for hits in ran(answer).hits.values() for hit in hits]
    assert len(messages) == 2
    assert all(message.isprintable() and message.isascii() and "ghp_" not in message for message in messages)


@pytest.mark.parametrize(
    ("image", "command", "seconds"),
    [
        ("debian", ("a",), 1),
        ("/a/../b", ("a",), 1),
        ("host", (), 1),
        ("host", ("",), 1),
        ("host", ("a\x00",), 1),
        ("host", ("a" * 5000,), 1),
        ("host", ("a",) * 65, 1),
        ("host", ("a",), 0),
        ("host", ("a",), 3601),
    ],
)
def test_a_plan_that_can_not_be_meant_is_refused(image: str, command: tuple[str, ...], seconds: int) -> None:
    with pytest.raises(PlanMalformed):
        Plan(image, command, seconds)


def test_every_rule_is_critical_high_or_medium_and_confirmed() -> None:
    rules = catalogue.load("dynamic").values()
    assert {rule.severity.word for rule in rules} == {"critical", "high", "medium"}
    assert {rule.confidence for rule in rules} == {Confidence.CONFIRMED}
