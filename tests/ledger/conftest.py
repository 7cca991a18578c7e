"""What every ledger test shares: examples are judged by their outcome, never by the clock."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("countermark", deadline=None, print_blob=True)
settings.load_profile("countermark")
