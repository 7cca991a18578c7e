"""Every reason a scanner can fail, one class each.

Layer: scanners, the floor. Imports the ledger's root of refusals and nothing else.
Trust: messages may quote a tool's output, which may quote hostile code; whoever prints one escapes it.

A failure is never merged into a clean report: `scan` turns each of these into `ScannerReport.error`, and the
gate answers 20.
"""

from __future__ import annotations

from countermark_ledger.errors import LedgerError


class ScannerError(LedgerError):
    """A scanner could not give an answer."""


class ToolMissing(ScannerError):
    """The program is not installed beside the running interpreter."""


class ToolTimedOut(ScannerError):
    """The program was killed, with all its children, at the wall limit."""


class ToolFailed(ScannerError):
    """The program ended in a way that no complete answer ends in."""


class OutputMalformed(ScannerError):
    """The program's output is not what this version of it is known to write."""


class ScannerBlind(ScannerError):
    """The planted flaw was not reported, so silence about the other files means nothing."""


class Unreadable(ScannerError):
    """One file is beyond what a scanner of ours reads: it is `Unscanned`, and the others are not."""


class RulesMalformed(ScannerError):
    """Our own rule tables contradict themselves."""


class TooMuchToScan(ScannerError):
    """The change is larger than the limits allow in one scan."""


class UnknownScanner(ScannerError):
    """A policy names a scanner that this version does not have."""
