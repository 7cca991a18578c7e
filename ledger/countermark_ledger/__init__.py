"""Countermark's ledger core: what is signed, logged and verified."""

__version__ = "0.1.0"
