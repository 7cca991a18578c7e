"""What calls about sockets mean.

Layer: scanners, dynamic. Does no I/O.
Trust: addresses are strace's spelling of them, payloads are hostile bytes.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from . import strace
from .behaviour import Behaviour, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .decoys import Needles
    from .places import Places
    from .strace import Call

CALLS = frozenset({"socket", "connect", "bind", "accept", "accept4", "sendto", "sendmsg", "sendmmsg", "dup2", "dup3"})

_INTERNET = re.compile(
    rb'sin6?_port=htons\((\d+)\)[^"]*(?:inet_addr\("([0-9.]+)"\)|inet_pton\(AF_INET6, "([0-9a-f:.]+)")'
)
_LOCAL = re.compile(rb'sun_path="((?:[^"\\]|\\.)*)"')
_FAMILY = re.compile(rb"AF_INET6?\b")
_DNS = 53
MAX_SENT = 16 * 1024 * 1024
_HEADER = 12
_STANDARD_STREAMS = frozenset({b"0", b"1", b"2"})


class Sockets:
    """The sockets of a run: their families, which of them ask for names, and who has one as a standard stream."""

    def __init__(self, places: Places, needles: Needles) -> None:
        self._places, self._needles = places, needles
        self._internet: set[bytes] = set()
        self._asking: set[bytes] = set()
        self._payloads: dict[bytes, bytearray] = {}
        self._kept = 0
        self.tied: set[int] = set()
        self.overflowed = False

    def judge(self, call: Call) -> Iterator[Behaviour]:
        """Yield what one call about sockets did."""
        arguments = call.split()
        socket = strace.descriptor(arguments[0])[1]
        if call.name in {"socket", "accept", "accept4"}:
            self._made(call, socket)
        elif call.name in {"dup2", "dup3"}:
            self._copied(call, socket, strace.descriptor(arguments[-1 if call.name == "dup2" else -2])[0])
        elif call.name != "bind":
            yield from self._reached(call, socket)

    def _copied(self, call: Call, socket: bytes, onto: bytes) -> None:
        if socket in self._internet and onto in _STANDARD_STREAMS:
            self.tied.add(call.process)

    def _made(self, call: Call, listening: bytes) -> None:
        if listening in self._internet or (call.name == "socket" and _FAMILY.match(call.arguments)):
            self._internet.add(call.made)

    def _reached(self, call: Call, socket: bytes) -> Iterator[Behaviour]:
        if call.name == "connect" and (local := _LOCAL.search(call.arguments)):
            path = strace.unescaped(local[1]).decode("utf-8", "replace")
            if rule := self._places.opened(path):
                yield Behaviour(rule, said(path))
        asked = socket in self._asking
        for address in _INTERNET.finditer(call.arguments):
            port, host = int(address[1]), (address[2] or address[3]).decode()
            asked = asked or port == _DNS
            if call.name == "connect" and port == _DNS:
                self._asking.add(socket)
            if not _is_loopback(host):
                yield Behaviour("run-network", said(f"{host} port {port}"))
        if call.name != "connect":
            yield from self._sent(call, asked=asked)

    def _sent(self, call: Call, *, asked: bool) -> Iterator[Behaviour]:
        payloads = list(strace.strings(call.arguments))
        names = [name for payload in payloads if asked and (name := _asked_for(payload))]
        for name in names:
            yield Behaviour("run-name-lookup", said(name))
        if asked and not names:
            yield Behaviour("run-name-lookup", "something that is no plain question")
        self._keep(strace.descriptor(call.split()[0])[1], b"".join(names or payloads))

    def _keep(self, socket: bytes, payload: bytes) -> None:
        """Add to what one socket sent: a secret may be sent in pieces."""
        self._kept += len(payload)
        self.overflowed = self.overflowed or self._kept > MAX_SENT
        if not self.overflowed:
            self._payloads.setdefault(socket, bytearray()).extend(payload)

    def finish(self) -> Iterator[Behaviour]:
        """Search what each socket sent all in all."""
        for decoy in sorted({one for sent in self._payloads.values() for one in self._needles.found(bytes(sent))}):
            yield Behaviour("run-secret-leak", said(f"what was sent over a socket (the decoy {decoy})"))


def _is_loopback(host: str) -> bool:
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or (mapped or address).is_unspecified


def _asked_for(packet: bytes) -> bytes:
    """Read the name that a DNS question asks for; nothing when the packet is none."""
    labels, at = [], _HEADER
    while at < len(packet) and 0 < packet[at] < 64:  # noqa: PLR2004  # RFC 1035 2.3.4
        labels.append(packet[at + 1 : at + 1 + packet[at]])
        at += 1 + packet[at]
    return b".".join(labels)
