"""Attempts to use the network."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from collections.abc import Callable
from socketserver import TCPServer

_DISCARD = ("127.0.0.1", 9)


def _unix(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect(address)


def _raw() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


HARMLESS: tuple[str, ...] = ()
LIMITED: tuple[str, ...] = ()
ATTEMPTS: dict[str, Callable[[], object]] = {
    "connect": lambda: socket.create_connection(_DISCARD, timeout=1),
    "connect far": lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
    "fetch": lambda: urllib.request.urlopen("http://127.0.0.1:9/", timeout=1),
    "fetch securely": lambda: ssl.get_server_certificate(("127.0.0.1", 9), timeout=1),
    "send a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "send by version 6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM),
    "ping": _raw,
    "sniff": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "ask the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "ask for a name": lambda: socket.gethostbyname("localhost.invalid"),
    "serve": lambda: TCPServer(("127.0.0.1", 0), object),  # type: ignore[arg-type]
    "connect to a daemon": lambda: _unix("/var/run/docker.sock"),
    "connect to an abstract socket": lambda: _unix("\0apprentice"),
    "fetch a file": lambda: urllib.request.urlopen("file:///etc/shadow").read(),
}
