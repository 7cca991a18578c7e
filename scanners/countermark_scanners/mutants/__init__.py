"""Injected flaws: what of a change could be weakened without anybody noticing: `judging.detect`."""
