"""The system calls that nothing in the sandbox may make, as a BPF program for `bwrap --seccomp`.

Layer: scanners, dynamic. Does no I/O. Numbers are Linux's own tables (x86-64 and the generic table of AArch64).
Trust: the filter is loaded before the first instruction of hostile code and can't be taken off.

What is *trapped* raises SIGSYS, which strace reports with the call's number: blocked and seen. (An errno would win
over the tracer's own filter, and the attempt would go unseen.) What honest programs probe for is *absent* instead:
ENOSYS, as on an older kernel. A second listener could answer "continue" to a notification and so hide calls from the
tracer; that is why it is trapped. `clone3` is absent because its flags lie in memory, where no filter can read them.
"""

from __future__ import annotations

import struct

from .errors import NoIsolation

_ALLOW, _TRAP, _KILL = 0x7FFF0000, 0x00030000, 0x80000000
_ABSENT = 0x00050000 | 38  # ENOSYS
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000
_UNTRACED = 0x00800000  # a child that no tracer is told of
_NEW_LISTENER = 8

_TRAPPED = """
    ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, kcmp 312 272, pidfd_getfd 438 438,
    execveat 322 281, unshare 272 97, setns 308 268, mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51,
    bpf 321 280, userfaultfd 323 282, keyctl 250 219, add_key 248 217, request_key 249 218, kexec_load 246 104,
    kexec_file_load 320 294, init_module 175 105, finit_module 313 273, delete_module 176 106,
    open_by_handle_at 304 265, swapon 167 224, swapoff 168 225, reboot 169 142, settimeofday 164 170,
    clock_settime 227 112, acct 163 89, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433,
    move_mount 429 429, open_tree 428 428, mount_setattr 442 442, iopl 172 -, ioperm 173 -, modify_ldt 154 -
"""  # name, number on x86-64, number on AArch64
_MISSING = (
    "clone3 435 435, io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427, perf_event_open 298 241"
)
_CLONE, _SOCKET, _SECCOMP = (56, 220), (41, 198), (317, 277)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_FAMILIES = {"unix": 1, "inet": 2, "inet6": 10, "netlink": 16}
_REFUSED_FAMILIES = (17, 40, 15, 44)  # packet, vsock, key, xdp: nothing in a test suite needs them
_RAW = 3
_ROUTE = 0
_NO_FAMILY = 0x00050000 | 97  # EAFNOSUPPORT


def program(machine: str) -> bytes:
    """Assemble the filter for a machine (`platform.machine()`); `NoIsolation` where its numbers are not known."""
    if machine not in _MACHINES:
        raise NoIsolation(f"seccomp: expected one of {', '.join(_MACHINES)}, found {machine}")
    column, architecture = _MACHINES[machine]
    code = _load(_ARCHITECTURE) + _unless(architecture, _KILL) + _load(_NUMBER)
    if machine == "x86_64":
        code += _if_bits(_X32, _KILL)
    code += b"".join(_if_equal(number, _TRAP) for number in _numbers(_TRAPPED, column))
    code += b"".join(_if_equal(number, _ABSENT) for number in _numbers(_MISSING, column))
    code += _only(_CLONE[column], _load(_argument(0)) + _if_bits(_NEW_NAMESPACES | _UNTRACED, _TRAP) + _return(_ALLOW))
    code += _only(_SECCOMP[column], _load(_argument(1)) + _if_bits(_NEW_LISTENER, _TRAP) + _return(_ALLOW))
    return code + _only(_SOCKET[column], _socket()) + _return(_ALLOW)


def _numbers(table: str, column: int) -> list[int]:
    rows = [row.split()[1:] for row in table.split(",")]
    return [int(row[column]) for row in rows if row[column].isdigit()]


def _socket() -> bytes:
    """Local and internet sockets and routing tables; raw and packet sockets are trapped, other families absent."""
    code = _load(_argument(0)) + b"".join(_if_equal(family, _TRAP) for family in _REFUSED_FAMILIES)
    code += _if_equal(_FAMILIES["unix"], _ALLOW)
    netlink = _load(_argument(2)) + _unless(_ROUTE, _NO_FAMILY) + _return(_ALLOW)
    code += _only(_FAMILIES["netlink"], netlink)
    typed = _load(_argument(1)) + _instruction(0x54, 0, 0, 0xF) + _if_equal(_RAW, _TRAP) + _return(_ALLOW)
    return code + _only(_FAMILIES["inet"], typed) + _only(_FAMILIES["inet6"], typed) + _return(_NO_FAMILY)


def _argument(index: int) -> int:
    return _ARGUMENTS + 8 * index  # the low half: both machines are little-endian


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, 0, 0, offset)


def _return(action: int) -> bytes:
    return _instruction(_RETURN, 0, 0, action)


def _if_equal(value: int, action: int) -> bytes:
    return _instruction(_EQUAL, 0, 1, value) + _return(action)


def _unless(value: int, action: int) -> bytes:
    return _instruction(_EQUAL, 1, 0, value) + _return(action)


def _if_bits(mask: int, action: int) -> bytes:
    return _instruction(_ANY_BIT, 0, 1, mask) + _return(action)


def _only(value: int, block: bytes) -> bytes:
    """Run a block that always returns, when the loaded word is `value`; skip it otherwise."""
    return _instruction(_EQUAL, 0, len(block) // 8, value) + block
