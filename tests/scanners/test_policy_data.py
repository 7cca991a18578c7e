"""Policies and rules are read from the installed package, by name."""

from __future__ import annotations

import pytest

import countermark_policies


def test_a_file_is_read_by_its_name() -> None:
    assert countermark_policies.read("rules/bandit-numbers.json").startswith(b"{")


@pytest.mark.parametrize("name", ["no/such.json", "../countermark_policies/py.typed", "/etc/passwd"])
def test_what_is_not_in_the_package_is_not_found(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        countermark_policies.read(name)


def test_names_are_listed_sorted_and_by_prefix() -> None:
    names = countermark_policies.names("rules/semgrep/python/")
    assert names == tuple(sorted(names))
    assert "rules/semgrep/python/execute.yaml" in names
    assert all(countermark_policies.read(name) for name in names)
