"""The predicates that exist, one file each. The list is FORMATS.md section 3; there is no other event."""

GENERATION = "https://slsa.dev/provenance/v1"
CLAIM = "https://countermark.dev/claim/v1"
VERDICT = "https://slsa.dev/verification_summary/v1"
STATUS = "https://countermark.dev/status/v1"
"""The types that a reader tells apart before it imports the one it needs."""
