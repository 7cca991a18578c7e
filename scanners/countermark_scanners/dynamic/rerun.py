"""The declared command once more on other contents: do the project's own tests notice what was changed?

Layer: scanners, dynamic. Imports `decoys` and `surroundings`.
Trust: the tests are the change's own. All they can say is that they fail; whether that is worth anything is for the
caller, who knows what they say of the change itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countermark_ledger.node import Mode
from countermark_scanners import catalogue

from . import decoys, surroundings
from .sandbox import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .plan import Plan
    from .sandbox import Sandbox, Tree

NAME = "dynamic"


def tests(plan: Plan, tree: Tree, sandbox: Sandbox) -> Callable[[Mapping[str, bytes]], bool | None]:
    """Return a function of contents by path that says whether the command fails with them; None: it did not end."""
    data = catalogue.load(NAME)["run-secret-read"].data
    machine = surroundings.both(decoys.bait(data["decoys"]), data["quiet"])[0]

    def failed(contents: Mapping[str, bytes]) -> bool | None:
        changed = {path: (tree[path][0] if path in tree else Mode.FILE, content) for path, content in contents.items()}
        record = sandbox.run(Job({**tree, **changed}, plan.image, plan.command, machine, plan.budget_seconds))
        return None if record.timed_out else record.code != 0

    return failed
