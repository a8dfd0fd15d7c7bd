"""Packet pipes, on Linux: each read returns the data of exactly one write.

So a worker reads a request whole or not at all, and the writer can take back unread requests.
Elsewhere these are plain pipes: nothing can be taken back, and one request at a time is sent.
"""

from __future__ import annotations

import fcntl
import os
import resource
import sys
from contextlib import suppress

PACKETS = sys.platform == "linux"
# In flight: more calls than a worker executes in 5 ms, as our thread may wait so long for the GIL.
MOST_PACKETS = 128 if PACKETS else 1


def packet_pipe() -> tuple[int, int]:
    """The reading and the writing end of a pipe; writing does not block."""
    reader, writer = os.pipe2(os.O_DIRECT | os.O_CLOEXEC) if PACKETS else os.pipe()
    if PACKETS:
        with suppress(PermissionError):  # limit of 64 MiB per user; a smaller pipe works too
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, MOST_PACKETS * resource.getpagesize())
    os.set_blocking(writer, False)
    return reader, writer


def second_reader(reader: int) -> int | None:
    """Another, non-blocking reading end of the same pipe; None without packet pipes."""
    return os.open(f"/proc/self/fd/{reader}", os.O_RDONLY | os.O_NONBLOCK) if PACKETS else None


def take_all(reader: int | None) -> bytes:
    """Read and return all unread data; empty without a reader."""
    packets = []
    with suppress(BlockingIOError):
        while reader is not None and (packet := os.read(reader, 2**16)):
            packets.append(packet)
    return b"".join(packets)
