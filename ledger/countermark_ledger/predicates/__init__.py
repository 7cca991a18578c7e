"""The predicates that exist, one file each. The list is FORMATS.md section 3; there is no other event."""
