"""The filter, run by an interpreter of classic BPF: what each call gets on each machine."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners.dynamic import seccomp
from countermark_scanners.dynamic.errors import NoIsolation

ALLOW, TRAP, KILL, ABSENT, NO_FAMILY = 0x7FFF0000, 0x00030000, 0x80000000, 0x00050026, 0x00050061
X86, ARM = 0xC000003E, 0xC00000B7


def judge(machine: str, architecture: int, number: int, *arguments: int) -> int:
    """Run the program on one call, as the kernel does."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(*arguments, *[0] * 6)[:6])
    code = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
    at, word = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x20:
            (word,) = struct.unpack_from("<I", data, value)
        elif operation == 0x54:
            word &= value
        elif operation == 0x15:
            at += if_true if word == value else if_false
        elif operation == 0x45:
            at += if_true if word & value else if_false
        else:
            assert operation == 0x06
            return int(value)


@pytest.mark.parametrize(
    ("x86", "arm", "arguments", "answer"),
    [
        pytest.param(0, 63, (), ALLOW, id="read"),
        pytest.param(59, 221, (), ALLOW, id="execve"),
        pytest.param(101, 117, (), TRAP, id="ptrace"),
        pytest.param(322, 281, (), TRAP, id="execveat"),
        pytest.param(165, 40, (), TRAP, id="mount"),
        pytest.param(425, 425, (), ABSENT, id="io_uring_setup"),
        pytest.param(435, 435, (), ABSENT, id="clone3"),
        pytest.param(56, 220, (17,), ALLOW, id="fork"),
        pytest.param(56, 220, (0x003D0F00,), ALLOW, id="thread"),
        pytest.param(56, 220, (0x10000000 | 17,), TRAP, id="new-user-namespace"),
        pytest.param(56, 220, (0x00800000 | 17,), TRAP, id="untraced"),
        pytest.param(317, 277, (1, 0), ALLOW, id="own-filter"),
        pytest.param(317, 277, (1, 8), TRAP, id="own-listener"),
        pytest.param(41, 198, (1, 1, 0), ALLOW, id="local-socket"),
        pytest.param(41, 198, (2, 1 | 0x80000, 0), ALLOW, id="stream"),
        pytest.param(41, 198, (10, 2, 0), ALLOW, id="datagram"),
        pytest.param(41, 198, (2, 3, 1), TRAP, id="raw"),
        pytest.param(41, 198, (10, 3 | 0x80000, 58), TRAP, id="raw-6"),
        pytest.param(41, 198, (17, 3, 0), TRAP, id="packet"),
        pytest.param(41, 198, (40, 1, 0), TRAP, id="machine-of-this-machine"),
        pytest.param(41, 198, (16, 3, 0), ALLOW, id="routes"),
        pytest.param(41, 198, (16, 3, 9), NO_FAMILY, id="audit"),
        pytest.param(41, 198, (38, 5, 0), NO_FAMILY, id="kernel-cipher"),
    ],
)
def test_each_call_gets_the_same_answer_on_both_machines(
    x86: int, arm: int, arguments: tuple[int, ...], answer: int
) -> None:
    assert judge("x86_64", X86, x86, *arguments) == answer
    assert judge("aarch64", ARM, arm, *arguments) == answer


@given(st.integers(0, 2**32 - 1), st.integers(0, 600))
def test_a_call_of_another_architecture_ends_the_process(architecture: int, number: int) -> None:
    if architecture != X86:
        assert judge("x86_64", architecture, number) == KILL


@given(st.integers(0x40000000, 2**32 - 1))
def test_a_call_with_short_pointers_ends_the_process(number: int) -> None:
    if number & 0x40000000:
        assert judge("x86_64", X86, number) == KILL


def test_a_machine_whose_numbers_are_not_known_has_no_filter_and_no_run() -> None:
    with pytest.raises(NoIsolation, match="expected one of x86_64, aarch64, found riscv64"):
        seccomp.program("riscv64")
