"""Countermark's ledger core: what is signed, logged and verified."""
