"""A signed commit has no place in the log: nothing shows that it came before its signer or key was revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from countermark_ledger.errors import Revoked
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.status import Revocation, RevokedKind, Status
from countermark_ledger.revocation import CurrentStatus, refuse_revoked_ever

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA = Identity("forge.example", Kind.PERSON, "ada")
KEY = "SHA256:" + "a" * 43


def status(*named: tuple[RevokedKind, str]) -> CurrentStatus:
    """Return a status that revokes these from a year after now and from the millionth entry on."""
    late = NOW + timedelta(days=365)
    revocations = tuple(Revocation(kind, value, late, 10**6, "lost") for kind, value in named)
    return CurrentStatus(Status("0" * 64, 1, 1, NOW, NOW + timedelta(days=7), revocations), 0, "0" * 64)


@pytest.mark.parametrize("named", [(RevokedKind.IDENTITY, str(ADA)), (RevokedKind.KEY, KEY)])
def test_who_is_named_signs_no_commit_whatever_time_the_status_gives(named: tuple[RevokedKind, str]) -> None:
    another = (RevokedKind.KEY, "SHA256:" + "b" * 43)
    with pytest.raises(Revoked):
        refuse_revoked_ever(ADA, KEY, status(another, named))


def test_who_is_not_named_goes_on() -> None:
    refuse_revoked_ever(ADA, KEY, status())
    others = [(RevokedKind.IDENTITY, f"{ADA}2"), (RevokedKind.KEY, str(ADA)), (RevokedKind.IDENTITY, KEY)]
    refuse_revoked_ever(ADA, KEY, status(*others))
