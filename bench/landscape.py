"""A repository as it looks after a while: a thousand modules, hundreds of landings, each with its evidence."""

from __future__ import annotations

import hashlib
import random
import string
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

import scenery

from countermark_ledger import __version__
from countermark_ledger.authority.issuing import Request, Signed
from countermark_ledger.bundle import Bundle
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.predicates.generation import Evidence, Generation, Session, Target
from countermark_ledger.predicates.rows import split
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.statement import Statement
from countermark_service.checkout import Checkout
from countermark_service.embedded import Embedded, opened

TOUCHED = 3
HEAD = '''"""Keeps the {noun}s of the {place}, and answers questions about them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

LIMIT = {limit}


@dataclass
class {kind}:
    """One {noun} of the {place}."""

    name: str
    weight: int = {weight}
    parts: list[str] = field(default_factory=list)
'''
FUNCTION = '''

def {verb}_{noun}_{number}(rows: list[dict[str, int]], limit: int = LIMIT) -> dict[str, int]:
    """{title} the {noun}s up to a limit; a row without a weight counts as {weight}."""
    found: dict[str, int] = {{}}
    for index, row in enumerate(rows):
        weight = row.get("weight", {weight})
        if weight > limit or index > {limit}:
            continue
        name = f"{noun}-{{index % {modulus}}}"
        found[name] = found.get(name, 0) + weight * {factor}
    total = sum(found.values())
    return {{name: value * 100 // total for name, value in found.items()}} if total else found
'''
TAIL = '''

def sample_{noun}(names: list[str]) -> str:
    """Pick any {noun}; which one does not matter."""
    assert names, "expected at least one"
    return random.choice(names)
'''
NOUNS = ("order", "parcel", "ticket", "ledger", "sensor", "invoice", "route", "session", "basket", "voucher")
VERBS = ("collect", "weigh", "merge", "rank", "filter", "count", "index", "trim")


def module(number: int, edition: int) -> str:
    """Write module `number` in one of its editions: about 200 lines, the most of which other editions have too."""
    steady = random.Random(number)  # noqa: S311 - scenery that is the same every time, no secret
    moving = random.Random(f"{number}:{edition}")  # noqa: S311 - the same
    noun = NOUNS[number % len(NOUNS)]
    place = "".join(steady.choices(string.ascii_lowercase, k=8))
    parts = [HEAD.format(noun=noun, place=place, kind=noun.title(), **_figures(steady))]
    for position in range(15):
        verb = VERBS[position % len(VERBS)]
        figures = _figures(moving if position % 5 == edition % 5 else steady)
        parts.append(FUNCTION.format(verb=verb, title=verb.title(), noun=noun, number=position, **figures))
    return "".join([*parts, TAIL.format(noun=noun)])


def path(number: int) -> str:
    """Name the file of a module."""
    return f"package{number % 20}/part{number % 7}/module{number}.py"


def history(files: int, landings: int) -> None:
    """Give main a thousand files and hundreds of landings."""
    stream = "".join(_stream(scenery.git("rev-parse", "main"), files, landings))
    subprocess.run(["git", "fast-import", "--quiet", "--force"], input=stream.encode(), check=True)
    scenery.git("checkout", "-q", "-f", "main")


def account(files: int, landings: int) -> None:
    """Leave behind what `record` and `gate` do: for every landing a statement and a verdict in the ledger."""
    commits = scenery.git("rev-list", "--reverse", f"-{landings + 1}", "main").split()
    trees = scenery.git("log", "--reverse", f"-{landings}", "--format=%T", "main").split()
    with opened(Checkout.find(Path.cwd()).home()) as embedded:
        agent, gate = embedded.identity(Kind.AGENT, "coder"), embedded.identity(Kind.GATE, "local")
        for (tip, head), tree, change in zip(pairwise(commits), trees, _changes(files), strict=False):
            (signed,) = embedded.sign([Request(agent, _generation(embedded, agent, tip, change))])
            embedded.sign([Request(gate, _verdict(embedded, gate, (tip, head, tree), _name(signed)))])


def touched(commit: int, files: int) -> list[int]:
    """Say which modules a landing changed."""
    return [(commit * TOUCHED + step) % files for step in range(TOUCHED)]


def _figures(source: random.Random) -> dict[str, int]:
    return {name: int(source.random() * 900) + 2 for name in ("limit", "weight", "modulus", "factor")}


def _stream(main: str, files: int, commits: int) -> Iterator[str]:
    editions = dict.fromkeys(range(files), 0)
    yield _commit("fill", 0, f"from {main}\n") + "".join(_file(number, 0) for number in editions)
    for commit in range(1, commits + 1):
        yield _commit(f"landing {commit}", commit, "")
        for number in touched(commit, files):
            editions[number] += 1
            yield _file(number, editions[number])


def _commit(message: str, number: int, parent: str) -> str:
    who = f"b <b@example.com> {1_700_000_000 + number * 3600} +0000"
    return f"commit refs/heads/main\ncommitter {who}\ndata {len(message)}\n{message}\n{parent}"


def _file(number: int, edition: int) -> str:
    text = module(number, edition)
    return f"M 100644 inline {path(number)}\ndata {len(text)}\n{text}\n"


def _changes(files: int) -> Iterator[Change]:
    """Give what each landing changed, one after the other, without an end."""
    editions: Counter[int] = Counter()
    for position in count(1):
        numbers = touched(position, files)
        yield Change.of(_transition(number, editions[number]) for number in numbers)
        editions.update(numbers)


def _transition(number: int, edition: int) -> Transition:
    before, after = (Node.of_blob(Mode.FILE, module(number, edition + step).encode()) for step in (0, 1))
    return Transition(path(number), before, after)


def _generation(embedded: Embedded, agent: Identity, base: str, change: Change) -> Statement:
    now, config = embedded.clock(), embedded.config
    session = Session(str(uuid.uuid4()), now, now, embedded.identity(Kind.OBSERVER, "local"), "command", *[None] * 3)
    target = Target(config.repository_id, config.protected_ref, base)
    return Generation(
        agent=agent, target=target, evidence=Evidence.OBSERVED, session=session, part=split(change)[0]
    ).statement()


def _name(signed: Signed) -> str:
    """Name a statement as verdicts do: by what was signed."""
    return hashlib.sha256(Bundle.parse(signed.raw).envelope.pae()).hexdigest()


def _verdict(embedded: Embedded, gate: Identity, landed: tuple[str, str, str], statement: str) -> Statement:
    tree = landed[2]
    digest = hashlib.sha256(tree.encode()).hexdigest()
    pinned = (embedded.config.repository_id, embedded.config.protected_ref)
    return Verdict(
        gate=gate,
        tool_version=__version__,
        evaluated=embedded.clock(),
        outcome=Outcome.PASSED,
        exit_code=0,
        score=100,
        reasons=(),
        policy_sha256=digest,
        inputs=(),
        binding=Binding(*pinned, *landed, digest, "merge", (statement,)),
    ).statement()
