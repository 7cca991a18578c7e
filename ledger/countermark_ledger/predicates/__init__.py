"""The predicates that exist, one file each. The list is FORMATS.md section 3; there is no other event."""

GENERATION = "https://slsa.dev/provenance/v1"
CLAIM = "https://countermark.dev/claim/v1"
VERDICT = "https://slsa.dev/verification_summary/v1"
STATUS = "https://countermark.dev/status/v1"
APPROVAL = "https://countermark.dev/approval/v1"
WAIVER_REQUEST = "https://countermark.dev/waiver-request/v1"
WAIVER_APPROVAL = "https://countermark.dev/waiver-approval/v1"
WAIVER_REVOCATION = "https://countermark.dev/waiver-revocation/v1"
"""The types that a reader tells apart before it imports the one it needs."""

CONSENTS = frozenset({APPROVAL, WAIVER_REQUEST, WAIVER_APPROVAL, WAIVER_REVOCATION})
"""The types by which people let something through, or no longer do."""
