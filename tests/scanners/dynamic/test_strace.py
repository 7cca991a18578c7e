"""strace's text: what it means is read, what a program put into it stays a string, and what is cut off is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners.dynamic import strace
from countermark_scanners.dynamic.errors import RecordMalformed
from countermark_scanners.dynamic.strace import Call, calls


def one(line: str) -> Call:
    (found,) = calls(f"12 {line}\n".encode())
    return found


def quoted(raw: bytes) -> bytes:
    """Quote as strace does."""
    plain = {ord('"'): b'\\"', ord("\\"): b"\\\\", 10: b"\\n"}
    return b'"' + b"".join(plain.get(b, bytes([b]) if 32 <= b < 127 else b"\\%03o" % b) for b in raw) + b'"'


def test_a_call_has_its_arguments_result_and_what_was_opened() -> None:
    call = one('openat(AT_FDCWD</work>, "a b", O_WRONLY|O_CREAT, 0666) = 3</work/a b>')
    assert (call.process, call.name, call.result, call.made) == (12, "openat", 3, b"/work/a b")
    assert call.split() == [b"AT_FDCWD</work>", b'"a b"', b"O_WRONLY|O_CREAT", b"0666"]


def test_a_failure_has_a_name() -> None:
    call = one('mkdir("/etc/x", 0777)              = -1 EROFS (Read-only file system)')
    assert (call.result, call.failed, call.made) == (-1, "EROFS", b"")


def test_a_file_without_a_name_is_still_the_file_that_was_opened() -> None:
    assert one('openat(1</proc/1/fd>, "3", O_RDONLY) = 4</memfd:libc>(deleted)').made == b"/memfd:libc"


def test_a_call_in_two_halves_is_one() -> None:
    text = b"1 connect(3<socket:[7]>, {sa_family=AF_INET <unfinished ...>\n2 fork() = 9\n"
    text += b"1 <... connect resumed>}, 16) = 0\n"
    names = [(call.process, call.name, call.arguments) for call in calls(text)]
    assert names == [(2, "fork", b""), (1, "connect", b"3<socket:[7]>, {sa_family=AF_INET}, 16")]


def test_a_call_whose_process_died_in_it_counts() -> None:
    (call,) = calls(b'1 execve("/bin/sh", ["sh"] <unfinished ...>\n')
    assert (call.name, call.result, call.arguments) == ("execve", None, b'"/bin/sh", ["sh"]')


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        (
            "--- SIGSYS {si_signo=SIGSYS, si_code=SYS_SECCOMP, si_syscall=__NR_ptrace, si_arch=A} ---",
            strace.TRAPPED,
            b"ptrace",
        ),
        ("+++ killed by SIGSYS (core dumped) +++", strace.KILLED, b"killed by SIGSYS (core dumped)"),
        ("+++ exited with 3 +++", strace.ENDED, b"exited with 3"),
        ("+++ killed by SIGKILL +++", strace.ENDED, b"killed by SIGKILL"),
    ],
)
def test_signals_and_ends_are_told_apart(line: str, name: str, arguments: bytes) -> None:
    assert (one(line).name, one(line).arguments) == (name, arguments)


def test_the_number_of_a_child_is_the_one_that_the_trace_uses() -> None:
    assert one("clone(child_stack=NULL, flags=SIGCHLD) = 5 /* 12345 in strace's PID NS */").child == 12345
    assert one("vfork() = 77").child == 77
    assert one("fork() = -1 EAGAIN (Resource temporarily unavailable)").child is None


@given(st.binary(max_size=60))
def test_whatever_a_program_calls_a_file_stays_a_string(name: bytes) -> None:
    line = b"7 rename(" + quoted(name) + b', "b") = -1 ENOENT (No such file or directory)\n'
    (call,) = calls(line)
    assert strace.string(call.split()[0]) == name
    assert (call.name, call.result, len(call.split())) == ("rename", -1, 2)
    assert list(strace.strings(call.arguments)) == [name, b"b"]


@pytest.mark.parametrize(
    "name",
    [
        b"x) = 0",
        b'", O_RDONLY) = 3',
        b"a <unfinished ...>",
        b"<... openat resumed>) = 3",
        b"\n9 execve(",
        b"+++ exited with 0 +++",
    ],
)
def test_a_name_that_looks_like_the_rest_of_a_line_hides_nothing(name: bytes) -> None:
    line = b"7 openat(AT_FDCWD</work>, " + quoted(name) + b", O_WRONLY|O_CREAT, 0666) = 3</home/alex/.bashrc>\n"
    (call,) = calls(line)
    assert (strace.string(call.split()[1]), call.made) == (name, b"/home/alex/.bashrc")


def test_files_of_the_image_that_are_read_are_passed_over() -> None:
    assert list(calls(b'1 openat(AT_FDCWD</work>, "/usr/lib/a", O_RDONLY|O_CLOEXEC) = 3</usr/lib/a>\n')) == []


def test_a_last_line_that_was_cut_off_is_not_read() -> None:
    assert list(calls(b'1 unlink("/etc/pas')) == []


def test_a_text_that_is_not_straces_is_refused() -> None:
    with pytest.raises(RecordMalformed):
        list(calls(b"hello\n" * 200 + b"1 what is this\n" * 200))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for call in calls(raw):
        assert call.split()


@pytest.mark.parametrize("text", [b"NULL", b"0x7ffd", b'"', b""])
def test_what_is_no_string_is_none(text: bytes) -> None:
    assert strace.string(text) is None
