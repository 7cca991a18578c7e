"""How strace is started: what it is told to report, and what it is spared.

Layer: scanners, dynamic. Does no I/O.
Trust: with `--seccomp-bpf` only the calls below stop the program, which is what makes it cheap; `seccomp` says which
calls could get around that, and blocks them.
"""

from __future__ import annotations

_FILES = (
    "open openat openat2 creat rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat mkdir mkdirat "
    "rmdir mknod mknodat truncate chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr"
)
_PROCESSES = (
    "execve execveat fork vfork clone clone3 chdir fchdir dup2 dup3 memfd_create ptrace setuid setgid setreuid "
    "setregid setresuid setresgid setgroups setfsuid setfsgid capset"
)
_NETWORK = "socket connect bind accept accept4 sendto sendmsg sendmmsg"
TEXT_LIMIT = 4096

OPTIONS = (
    "--follow-forks",
    "--seccomp-bpf",
    "--quiet=attach,personality,path-resolution,thread-execve",
    "--decode-fds=path",
    "--pidns-translation",
    f"--string-limit={TEXT_LIMIT}",
    "--signal=SIGSYS,SIGXFSZ,SIGXCPU",
    "--output=/mnt/said/trace",
    "--trace=" + ",".join(f"?{name}" for name in f"{_FILES} {_PROCESSES} {_NETWORK}".split()),
)
