"""The gate: eight steps from a hostile checkout to one answer. `steps` is the numbered list."""
