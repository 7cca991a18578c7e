"""What the stage says of programs that do harm, and of programs that do not.

Nothing in the corpus can do any: it addresses documentation networks and names that can't exist, and takes only
secrets that were planted for it. A bad program names the rules that must report it (`# expects:`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from countermark_ledger.node import Mode
from countermark_scanners import catalogue
from countermark_scanners.dynamic import stage
from countermark_scanners.dynamic.plan import Plan
from countermark_scanners.dynamic.sandbox import Sandbox
from countermark_scanners.dynamic.stage import Outcome
from countermark_scanners.finding import Confidence, Severity

CORPUS = Path(__file__).parent / "corpus"
EXPECTS, COMMAND = "# expects:", "# command:"
INTERPRETERS = {".py": "python3", ".sh": "bash"}
SECONDS = 60
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
INERT = re.compile(r"127\.|192\.0\.2\.|198\.51\.100\.|0\.0\.0\.0")


@dataclass(frozen=True)
class Item:
    """One program of the corpus: its files, the command that runs it, and the rules that must name what it does."""

    name: str
    tree: dict[str, tuple[Mode, bytes]]
    command: tuple[str, ...]
    expects: frozenset[str]


def items(kind: str) -> Iterator[Item]:
    for place in sorted((CORPUS / kind).iterdir()):
        inside = {path.relative_to(place).as_posix(): path for path in sorted(place.rglob("*.txt"))}
        yield item(place.name.removesuffix(".txt"), inside or {place.name: place})


def item(name: str, files: dict[str, Path]) -> Item:
    """A file's real name is its own without `.txt`, which keeps the tools of this repository away."""
    tree = {path.removesuffix(".txt"): (Mode.FILE, place.read_bytes()) for path, place in files.items()}
    main = next(iter(tree)) if len(tree) == 1 else "main.py"
    lines = tree[main][1].decode().splitlines()
    expects = {word for line in lines if line.startswith(EXPECTS) for word in line.removeprefix(EXPECTS).split()}
    given = next((line.removeprefix(COMMAND) for line in lines if line.startswith(COMMAND)), "")
    command = tuple(shlex.split(given)) or (INTERPRETERS[Path(main).suffix], main)
    return Item(name, tree, command, frozenset(expects))


BAD, HONEST = tuple(items("bad")), tuple(items("honest"))


def run(one: Item, sandbox: Sandbox) -> Outcome:
    outcome = stage.run(Plan("host", one.command, SECONDS), one.tree, sandbox)
    assert isinstance(outcome, Outcome)
    return outcome


def reported(outcome: Outcome) -> dict[str, str]:
    return {hit.rule.removeprefix("countermark/"): hit.message for hits in outcome.hits.values() for hit in hits}


def test_the_corpus_is_as_large_as_it_must_be() -> None:
    assert len(BAD) >= 40
    assert len(HONEST) >= 15
    assert len({one.name for one in (*BAD, *HONEST)}) == len(BAD) + len(HONEST)


@pytest.mark.parametrize("one", BAD, ids=lambda one: one.name)
def test_a_bad_program_is_inert_and_says_what_it_expects(one: Item) -> None:
    assert one.expects
    assert one.expects <= set(catalogue.load("dynamic"))
    addresses = [found for _, content in one.tree.values() for found in ADDRESS.findall(content.decode())]
    assert [address for address in addresses if not INERT.match(address)] == []


@pytest.mark.parametrize("rule", sorted(catalogue.load("dynamic")))
def test_every_rule_is_expected_of_a_bad_program(rule: str) -> None:
    assert [one.name for one in BAD if rule in one.expects]


@pytest.mark.parts
@pytest.mark.parametrize("one", BAD, ids=lambda one: one.name)
def test_a_bad_program_is_reported_by_every_rule_that_it_breaks(one: Item, sandbox: Sandbox) -> None:
    outcome = run(one, sandbox)
    missing = one.expects - set(reported(outcome))
    assert not missing, (sorted(missing), reported(outcome), outcome.log())
    hits = [hit for hits in outcome.hits.values() for hit in hits]
    assert {hit.confidence for hit in hits} == {Confidence.CONFIRMED}
    assert max(hit.severity for hit in hits) >= Severity.MEDIUM


@pytest.mark.parts
@pytest.mark.parametrize("one", HONEST, ids=lambda one: one.name)
def test_an_honest_program_passes_its_tests_and_nothing_is_said_of_it(one: Item, sandbox: Sandbox) -> None:
    outcome = run(one, sandbox)
    assert reported(outcome) == {}
    assert outcome.unscanned is None
    assert [run.code for run in outcome.runs] == [0, 0]
