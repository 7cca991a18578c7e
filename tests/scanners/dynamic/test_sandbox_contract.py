"""What the stage may expect of anything that calls itself a sandbox. A container engine joins by one more parameter."""

from __future__ import annotations

import pytest

from countermark_ledger.node import Mode
from countermark_scanners import catalogue
from countermark_scanners.dynamic import decoys, surroundings
from countermark_scanners.dynamic.decoys import Needles
from countermark_scanners.dynamic.observe import observe
from countermark_scanners.dynamic.places import Places
from countermark_scanners.dynamic.sandbox import Job, Sandbox

RULES = catalogue.load("dynamic")
TREE = {
    "a.txt": (Mode.FILE, b"a"),
    "run.sh": (Mode.EXECUTABLE, b"#!/bin/sh\n"),
    "link": (Mode.SYMLINK, b"a.txt"),
}


def job(script: str, *, machine: int = 0, seconds: int = 30) -> Job:
    planted = decoys.bait(RULES["run-secret-read"].data["decoys"])
    both = surroundings.both(planted, RULES["run-secret-read"].data["quiet"])
    return Job(TREE, "host", ("sh", "-c", script), both[machine], seconds)


@pytest.fixture(params=[pytest.param("bubblewrap", marks=pytest.mark.parts)])
def held(request: pytest.FixtureRequest) -> Sandbox:
    found: Sandbox = request.getfixturevalue({"bubblewrap": "sandbox"}[request.param])
    return found


def test_it_names_what_holds_and_what_watches(held: Sandbox) -> None:
    assert "strace" in held.describe()
    assert len(held.describe().split(",")) == 2


def test_the_record_has_the_commands_code_output_and_workspace(held: Sandbox) -> None:
    record = held.run(job("cat a.txt; echo b >&2; echo c > new; exit 3"))
    assert (record.code, record.stdout, record.stderr) == (3, b"a", b"b\n")
    assert not record.timed_out
    assert record.incomplete == ""
    assert [(row.path, row.kind, row.content) for row in record.after] == [
        ("a.txt", "file", None),
        ("link", "link", None),
        ("new", "file", b"c\n"),
        ("run.sh", "file", None),
    ]
    assert [row.target for row in record.after if row.kind == "link"] == ["a.txt"]


def test_the_trace_begins_with_the_command_and_has_its_end(held: Sandbox) -> None:
    one = job("true")
    machine = one.surroundings
    places = Places.of(RULES, machine.home, machine.files)
    seen = observe(held.run(one).trace, one.command, places, Needles(()), RULES)
    assert (seen.started, seen.ended, seen.behaviours) == (True, True, frozenset())


def test_the_surroundings_are_what_the_command_sees(held: Sandbox) -> None:
    one = job("hostname; id -un; echo $HOME; cat ~/.pypirc; date +%Y", machine=1)
    lines = held.run(one).stdout.decode().splitlines()
    assert lines[:3] == ["alex-laptop", "alex", "/home/alex"]
    assert lines[3:-1] == one.surroundings.files[".pypirc"].decode().splitlines()
    assert int(lines[-1]) >= 2028


def test_what_is_out_of_time_is_said_to_be(held: Sandbox) -> None:
    record = held.run(job("echo begun; sleep 100", seconds=2))
    assert record.timed_out
    assert record.stdout == b"begun\n"
    assert "did not end within its time" in record.incomplete


def test_one_run_leaves_nothing_for_the_next(held: Sandbox) -> None:
    held.run(job("touch ~/left /tmp/left left"))
    assert held.run(job("ls ~/left /tmp/left left 2>/dev/null; true")).stdout == b""
