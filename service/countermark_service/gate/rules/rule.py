"""The one shape of a rule: what it asks for in plain words, and the reasons it finds in a case.

Trust: a case is a policy from the protected tip and verified facts. A rule asks nobody else: no clock, no disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from countermark_service.gate.case import Case
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason


class Rule(NamedTuple):
    """A member of `RULES`. `fields` are where its values stand in a policy, such as `evidence.minimum`.

    `explain` says what is asked for, with the values in force; `trips` says what makes it refuse.
    """

    id: str
    title: str
    fields: tuple[str, ...]
    explain: Callable[[Policy], str]
    trips: str
    judge: Callable[[Case], Iterable[Reason]]
