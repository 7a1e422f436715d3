"""Rules of the kernel's packet filter, written straight to it: the program `nft` is on few machines.

What Istio's init container does in a pod: connections from outside are led to the sidecar, and so are those to
addresses of Services. Istio leaves out the connections of the sidecar itself, which it tells by their user; a user
namespace has one user only, so they are told by where they go: a sidecar talks to pods, never to Services.

Source: linux/netfilter/nf_tables.h and nfnetlink.h, from which the numbers are.
"""

import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

_NFNETLINK, _SUBSYSTEM = 12, 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 3, 6
_REQUEST, _ACK, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_NESTED = 0x8000
_ERROR = 2

_NETWORK = 1  # the header of a packet that is looked into
_EQUAL, _DIFFERENT = 0, 1
_FIRST = 1  # register
_TCP = b"\x06"
_HOOKS = {"prerouting": 0, "output": 3}
_BEFORE_ROUTING = -100  # priority of address translation

Expression = bytes


def redirect_to_sidecar(node: IPv4Address, services: IPv4Network, *, inbound: int, outbound: int) -> None:
    """Lead the connections of this network namespace through its sidecar.

    Args:
        node: whose own connections (probes, scrapes) go past the sidecar, as a kubelet's do.
        services: range of the Services' addresses, a /16.
        inbound: port of the sidecar for what comes in.
        outbound: port of the sidecar for what goes out.
    """
    network = services.network_address.packed[: services.prefixlen // 8]
    foreign = [*_tcp(), *_compare(_NETWORK, 12, node.packed, _DIFFERENT), *_redirect(inbound)]
    outgoing = [*_tcp(), *_compare(_NETWORK, 16, network), *_redirect(outbound)]
    _write(
        [
            _table("sidecar"),
            _chain("sidecar", "prerouting", "nat", _BEFORE_ROUTING),
            _chain("sidecar", "output", "nat", _BEFORE_ROUTING),
            _rule("sidecar", "prerouting", foreign),
            _rule("sidecar", "output", outgoing),
        ]
    )


Command = tuple[int, int, bytes]  # type, flags, attributes


def _table(name: str) -> Command:
    return _NEW_TABLE, _CREATE, _text(1, name)


def _chain(table: str, hook: str, kind: str, priority: int) -> Command:
    place = _nested(4, _number(1, _HOOKS[hook]), _attribute(2, struct.pack("!i", priority)))
    return _NEW_CHAIN, _CREATE, _text(1, table) + _text(3, hook) + place + _text(7, kind)


def _rule(table: str, chain: str, expressions: Sequence[Expression]) -> Command:
    listed = _nested(4, *(_attribute(_NESTED | 1, expression) for expression in expressions))
    return _NEW_RULE, _CREATE | _APPEND, _text(1, table) + _text(2, chain) + listed


def _expression(name: str, *attributes: bytes) -> Expression:
    return _text(1, name) + _nested(2, *attributes)


def _tcp() -> Sequence[Expression]:
    """Return what lets a rule go on for TCP only."""
    protocol = 16
    return _expression("meta", _number(1, _FIRST), _number(2, protocol)), _cmp(_TCP)


def _compare(header: int, offset: int, value: bytes, relation: int = _EQUAL) -> Sequence[Expression]:
    """Return what lets a rule go on for packets with some bytes in a header."""
    load = _expression("payload", _number(1, _FIRST), _number(2, header), _number(3, offset), _number(4, len(value)))
    return load, _cmp(value, relation)


def _cmp(value: bytes, relation: int = _EQUAL) -> Expression:
    return _expression("cmp", _number(1, _FIRST), _number(2, relation), _nested(3, _attribute(1, value)))


def _redirect(port: int) -> Sequence[Expression]:
    value = _nested(2, _attribute(1, struct.pack("!H", port)))
    load = _expression("immediate", _number(1, _FIRST), value)
    return load, _expression("redir", _number(1, _FIRST), _number(2, _FIRST))


def _write(commands: Sequence[Command]) -> None:
    """Write commands in one transaction; OSError with the kernel's reason."""
    messages = [_message(_BATCH_BEGIN, 0, b"", socket.AF_UNSPEC, _SUBSYSTEM)]
    messages += [_message(_SUBSYSTEM << 8 | kind, _ACK | flags, rest, socket.AF_INET) for kind, flags, rest in commands]
    messages.append(_message(_BATCH_END, 0, b"", socket.AF_UNSPEC, _SUBSYSTEM))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NFNETLINK) as link:
        link.bind((0, 0))
        link.settimeout(5)
        link.send(b"".join(messages))
        for _ in commands:
            answer = link.recv(65536)
            kind, code = struct.unpack_from("=4xH", answer)[0], struct.unpack_from("=i", answer, 16)[0]
            if kind == _ERROR and code:
                raise OSError(-code, f"the kernel refuses a rule of its packet filter: {code}")


def _message(kind: int, flags: int, rest: bytes, family: int, subject: int = 0) -> bytes:
    body = struct.pack("!BBH", family, 0, subject) + rest
    return struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | flags, 0, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    padded = value + b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + padded


def _nested(kind: int, *attributes: bytes) -> bytes:
    return _attribute(_NESTED | kind, b"".join(attributes))


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("!I", value))
