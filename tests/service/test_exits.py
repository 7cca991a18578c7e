"""Exit codes are API: each reason has its own, and of several the first in the order of the design."""

from __future__ import annotations

import itertools

import pytest

from countermark_agents.errors import AgentsError
from countermark_ledger import command, errors
from countermark_ledger.errors import LedgerError
from countermark_scanners.errors import ScannerError
from countermark_service.exits import MEANING, ORDER, Exit, Inconclusive, UsageError, code_of, first

EVERY = sorted(
    {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, LedgerError)},
    key=lambda one: one.__name__,
)
VERIFYING = (UsageError, errors.Forged, errors.Malformed, errors.Revoked, errors.StatusExpired, errors.UnsafeKey)


def test_the_codes_are_those_of_the_design() -> None:
    assert {code.name: code.value for code in Exit} == {
        "PASS": 0,
        "INTERNAL": 1,
        "USAGE": 2,
        "POLICY": 10,
        "UNACCOUNTED": 11,
        "FORGED": 12,
        "REVOKED": 13,
        "INCONCLUSIVE": 20,
    }


def test_every_code_but_the_pass_has_a_place_in_the_order_and_each_has_a_meaning() -> None:
    assert [code.value for code in ORDER] == [1, 2, 12, 13, 20, 11, 10]
    assert list(MEANING) == list(Exit)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, Exit.USAGE),
        (Inconclusive, Exit.INCONCLUSIVE),
        (errors.Malformed, Exit.FORGED),
        (errors.TooLarge, Exit.INCONCLUSIVE),
        (errors.BadSignature, Exit.FORGED),
        (errors.Incomplete, Exit.FORGED),
        (errors.Revoked, Exit.REVOKED),
        (errors.StatusExpired, Exit.INCONCLUSIVE),
        (errors.LogDiverged, Exit.FORGED),
        (errors.StoreUnknown, Exit.INCONCLUSIVE),
        (errors.NoSuchRecord, Exit.INCONCLUSIVE),
        (errors.UnsafeKey, Exit.USAGE),
        (errors.MergeConflict, Exit.UNACCOUNTED),
        (errors.Rewritten, Exit.UNACCOUNTED),
        (errors.MissingHistory, Exit.INCONCLUSIVE),
        (errors.UnknownRevision, Exit.USAGE),
        (AgentsError, Exit.USAGE),
        (ScannerError, Exit.INCONCLUSIVE),
    ],
)
def test_a_refusal_has_the_code_of_its_kind(error: type[LedgerError], code: Exit) -> None:
    assert code_of(error("x")) is code


@pytest.mark.parametrize("error", EVERY)
def test_no_refusal_of_the_ledger_is_a_pass_and_only_the_root_is_unknown(error: type[LedgerError]) -> None:
    code = code_of(error("x"))
    assert code is not Exit.PASS
    assert (code is Exit.INTERNAL) == (error is LedgerError)


@pytest.mark.parametrize("error", [one for one in EVERY if issubclass(one, VERIFYING)])
def test_the_verifier_alone_and_the_whole_command_line_agree(error: type[LedgerError]) -> None:
    assert command.code_of(error("x")) == code_of(error("x"))


def test_what_the_verifier_alone_calls_its_codes_is_what_they_are_called_here() -> None:
    assert (command.PASS, command.INTERNAL) == (Exit.PASS, Exit.INTERNAL)
    assert {code for _, code in command.CODES} <= set(Exit)


def test_no_reason_at_all_is_a_pass() -> None:
    assert first([]) is Exit.PASS
    assert first([Exit.PASS, Exit.PASS]) is Exit.PASS


def test_of_several_reasons_the_first_in_the_order_is_the_code_in_whatever_order_they_came() -> None:
    for several in itertools.combinations(ORDER, 2):
        assert {first(order) for order in itertools.permutations([*several, Exit.PASS])} == {several[0]}
