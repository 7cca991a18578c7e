"""What the gate saw of people's consent: approvals and waivers, who owns the agents, and how often waivers were used.

Trust: verified before; made of plain values, so that a reader who has them can ask the same rules again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from countermark_ledger.consent import Consents
from countermark_ledger.enrolled import Owners
from countermark_ledger.uses import Count


class ConsentSeen(NamedTuple):
    """What people said of this change. `owners` has every enrolled agent of it, `uses` each waiver that was counted.

    `revoked` says why the newest status ends waivers, by their names.
    """

    consents: Consents
    owners: Owners
    uses: Mapping[str, Count]
    revoked: Mapping[str, str]
