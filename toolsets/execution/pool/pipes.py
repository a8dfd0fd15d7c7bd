"""Pipes of packets, on Linux: a reader gets what one write wrote, and no more.

So a worker takes a request whole or not at all, and who wrote it can take it back. Elsewhere these
are plain pipes, nothing can be taken back, and one request at a time is sent.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
from contextlib import suppress

PACKETS = sys.platform == "linux"
# In flight: more calls than a worker does in 5 ms, for which Python may keep our thread waiting.
MOST_PACKETS = 128 if PACKETS else 1


def packet_pipe() -> tuple[int, int]:
    """A pipe's reading and writing end; writing never waits."""
    reader, writer = os.pipe2(os.O_DIRECT | os.O_CLOEXEC) if PACKETS else os.pipe()
    if PACKETS:
        with suppress(PermissionError):  # a user may have 64 MiB of pipes; a smaller one will do
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, MOST_PACKETS * resource.getpagesize())
    os.set_blocking(writer, False)
    return reader, writer


def second_reader(reader: int) -> int | None:
    """Another reading end of the same pipe, one that never waits; None where there is none."""
    return os.open(f"/proc/self/fd/{reader}", os.O_RDONLY | os.O_NONBLOCK) if PACKETS else None


def take_all(reader: int | None) -> bytes:
    """Everything that nobody has read yet."""
    packets = []
    with suppress(BlockingIOError):
        while reader is not None and (packet := os.read(reader, 2**16)):
            packets.append(packet)
    return b"".join(packets)
