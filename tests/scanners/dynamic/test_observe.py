"""What a trace shows, from traces written by hand: the command's calls are judged, and those before it are not."""

from __future__ import annotations

import pytest

from countermark_scanners import catalogue
from countermark_scanners.dynamic.decoys import Decoy, Needles
from countermark_scanners.dynamic.observe import MAX_BEHAVIOURS, Observed, observe
from countermark_scanners.dynamic.places import Places

RULES = catalogue.load("dynamic")
VALUE = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"
DECOY = Decoy("~/.netrc", b"password " + VALUE, VALUE)
COMMAND = ("python3", "t.py")
SET_UP = """10 execve("/usr/bin/bwrap", ["bwrap", "--", "python3", "t.py"], 0x7f /* 3 vars */) = 0
10 clone(child_stack=NULL, flags=CLONE_NEWNS|SIGCHLD) = 11
11 mount("tmpfs", "/tmp", "tmpfs", 0, NULL) = 0
11 clone(child_stack=NULL, flags=SIGCHLD) = 12
12 openat(AT_FDCWD</>, "/etc/made-by-bubblewrap", O_WRONLY|O_CREAT, 0666) = 3</newroot/etc/x>
"""
BEGIN = """12 execve("/usr/local/bin/python3", ["python3", "t.py"], 0x7f /* 9 vars */) = -1 ENOENT (No such file)
12 execve("/usr/bin/python3", ["python3", "t.py"], 0x7f /* 9 vars */) = 0
"""
END = "12 +++ exited with 0 +++\n11 +++ exited with 0 +++\n10 +++ exited with 0 +++\n"


def seen(trace: str) -> Observed:
    places = Places.of(RULES, "/home/alex", [".netrc", ".ssh/id_rsa"])
    return observe(trace.encode(), COMMAND, places, Needles([DECOY]), RULES)


def done(*lines: str) -> set[tuple[str, str]]:
    found = seen(SET_UP + BEGIN + "".join(f"{line}\n" for line in lines) + END)
    assert found.started
    assert found.ended
    return {(one.rule, one.subject) for one in found.behaviours}


def test_what_sets_the_sandbox_up_is_not_judged() -> None:
    assert done() == set()


def test_a_command_that_never_started_is_not_one_that_did_nothing() -> None:
    found = seen(SET_UP + BEGIN.splitlines(keepends=True)[0] + END)
    assert (found.started, found.ended) == (False, True)


def test_a_trace_without_its_end_has_none() -> None:
    assert not seen(SET_UP + BEGIN).ended


def test_a_number_that_a_process_of_ours_had_is_the_commands_when_it_has_it() -> None:
    assert done("11 +++ exited with 0 +++", '11 unlink("/etc/passwd") = -1 EROFS (Read-only file system)') == {
        ("run-write-outside", "/etc/passwd")
    }


def opened(path: str, made: str, *, base: str = "AT_FDCWD</work>", flags: str = "O_RDONLY") -> str:
    return f'12 openat({base}, "{path}", {flags}, 0666) = {made}'


def reached(host: str, port: int) -> str:
    if ":" in host:
        where = f'sa_family=AF_INET6, sin6_port=htons({port}), inet_pton(AF_INET6, "{host}", &sin6_addr)'
    else:
        where = f'sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("{host}")'
    return f"12 connect(3<socket:[9]>, {{{where}}}, 16) = -1 ENETUNREACH (Network is unreachable)"


CREATE = "O_WRONLY|O_CREAT"
SOCKET = "12 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3<socket:[9]>"
QUESTION = r"\1\2\1\0\0\1\0\0\0\0\0\0\4evil\7invalid\0\0\1\0\1"
ASK = f'12 sendmmsg(3<socket:[9]>, [{{msg_hdr={{msg_iov=[{{iov_base="{QUESTION}"}}]}}}}], 1, 0) = 1'
CAPABLE = "12 capset({pid=0}, {effective=1<<CAP_SYS_ADMIN, permitted=0}) = -1 EPERM (Operation not permitted)"
ECHO = f'12 execve("/usr/bin/echo", ["echo", "{VALUE.hex()}"], 0x7f /* 1 var */) = 0'
DEEDS: list[tuple[str, str, list[str]]] = [
    ("run-secret-read", "~/.netrc", [opened("/home/alex/.netrc", "3</home/alex/.netrc>")]),
    ("run-secret-read", "~/.netrc", [opened(".netrc", "-1 EACCES (Denied)", base="AT_FDCWD</home/alex>")]),
    ("run-secret-read", "~/.ssh/id_rsa", [opened("a", "3</home/alex/.ssh/id_rsa>")]),
    ("run-secret-read", "~/.netrc", ['12 link("/home/alex/.netrc", "/tmp/a") = -1 EXDEV (Invalid cross-device link)']),
    ("run-persistence", "~/.bashrc", ['12 chdir("/home") = 0', '12 rename("/tmp/x", "alex/.bashrc") = 0']),
    (
        "run-persistence",
        "~/.profile",
        ['12 chdir("../home") = 0', "12 fork() = 13", '13 rename("x", "alex/.profile") = 0'],
    ),
    ("run-persistence", "~/.zshrc", [opened(".zshrc", "5</home/alex/.zshrc>", base="4</home/alex>", flags=CREATE)]),
    ("run-persistence", "~/.config/systemd", ['12 rename("/tmp/a", "/home/alex/.config/systemd") = 0']),
    ("run-persistence", "~/.config/systemd", ['12 symlink("/tmp/a", "/home/alex/.config/systemd") = 0']),
    ("run-persistence", "/etc/cron.d/a", [opened("/etc/cron.d/a", "-1 ENOENT (No such file)", flags=CREATE)]),
    ("run-privilege", "a set-user-id program, /work/a", ['12 chmod("a", 04755) = 0']),
    ("run-privilege", "capabilities", [CAPABLE]),
    ("run-privilege", "setresuid to root", ["12 setresuid(-1, 0, -1) = -1 EPERM (Operation not permitted)"]),
    ("run-kernel-surface", "a device file, /work/a", ['12 mknod("a", S_IFBLK|0600, makedev(0x8, 0)) = -1 EPERM (No)']),
    ("run-kernel-surface", "a system call of another architecture", ["12 +++ killed by SIGSYS +++"]),
    ("run-secret-leak", "the arguments of echo (the decoy ~/.netrc)", [ECHO]),
    ("run-network", "2001:db8::5 port 443", [reached("2001:db8::5", 443)]),
    ("run-network", "::ffff:192.0.2.1 port 80", [reached("::ffff:192.0.2.1", 80)]),
    ("run-name-lookup", "evil.invalid", [reached("127.0.0.53", 53), ASK]),
    (
        "run-reverse-shell",
        "/bin/sh",
        [SOCKET, "12 dup2(3<socket:[9]>, 0) = 0", '12 execve("/bin/sh", ["sh"], 0x7f) = 0'],
    ),
    (
        "run-reverse-shell",
        "/bin/bash",
        [SOCKET, "12 dup3(3<socket:[9]>, 1, 0) = 1", '13 execve("/bin/bash", ["bash"], 0x7f) = 0', "12 fork() = 13"],
    ),
]


@pytest.mark.parametrize(("rule", "subject", "lines"), DEEDS)
def test_a_deed_is_named(rule: str, subject: str, lines: list[str]) -> None:
    assert (rule, subject) in done(*lines)


@pytest.mark.parametrize(
    "line",
    [
        'mkdir("/home/alex/.cache", 0777) = -1 EEXIST (File exists)',
        'unlink("/etc/absent") = -1 ENOENT (No such file or directory)',
        'openat(AT_FDCWD</work>, "/dev/dri/card0", O_RDWR) = -1 ENOENT (No such file or directory)',
        'openat(AT_FDCWD</work>, "/proc/self/environ", O_RDONLY) = 3</proc/12/environ>',
        'openat(AT_FDCWD</work>, "out", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</work/out>',
        'connect(3<socket:[9]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        'connect(3<socket:[9]>, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (None)',
        "dup2(3<socket:[9]>, 0) = 0<socket:[9]>",
        "setuid(1000) = 0",
        "setresuid(-1, 1000, -1) = 0",
        "fork() = -1 EAGAIN (Resource temporarily unavailable)",
        'sendto(3<socket:[9]>, "hello, sin_port=htons(1), sin_addr=inet_addr(\\"192.0.2.1\\")", 60, 0, NULL, 0) = 60',
    ],
)
def test_what_honest_programs_do_is_not_named(line: str) -> None:
    assert done(f"12 {line}") == set()


def test_a_flood_of_deeds_is_cut_and_said() -> None:
    lines = [f'12 unlink("/etc/{number}") = -1 EROFS (No)' for number in range(MAX_BEHAVIOURS + 50)]
    found = seen(SET_UP + BEGIN + "\n".join(lines) + "\n" + END)
    assert found.flooded
    assert len(found.behaviours) <= MAX_BEHAVIOURS + 1
