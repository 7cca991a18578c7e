"""The append-only log: its port to a store, its one writer, and the check that re-verifies all of it."""
