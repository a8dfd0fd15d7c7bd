"""Attempts by system calls that Python has no function for, or by their unusual arguments.

None ends the process if it is refused; signals have the number 0 or are delivered to nobody.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

HARMLESS: tuple[str, ...] = ()
LIMITED: tuple[str, ...] = ()

_COLUMN = 0 if os.uname().machine == "x86_64" else 1
_NUMBERS = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "execveat": (322, 281),
    "memfd_create": (319, 279),
    "io_uring_setup": (425, 425),
    "process_vm_readv": (310, 270),
    "pidfd_open": (434, 434),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "openat2": (437, 437),
    "renameat2": (316, 276),
    "fallocate": (285, 47),
    "copy_file_range": (326, 285),
    "seccomp": (317, 277),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "settimeofday": (164, 170),
    "add_key": (248, 217),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "personality": (135, 92),
    "vhangup": (153, 58),
    "kexec_load": (246, 104),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "setitimer of x32": (0x40000000 + 38, 38),
    "one that is newer than the list": (1000, 1000),
}
_SIGCHLD, _VM, _VFORK, _PARENT, _THREAD = 17, 0x100, 0x4000, 0x8000, 0x10800
_NAMESPACES = {
    "mount": 0x20000,
    "cgroup": 0x2000000,
    "uts": 0x4000000,
    "ipc": 0x8000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}


def _call(name: str, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(ctypes.c_long(_NUMBERS[name][_COLUMN]), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name} failed")
    return result


def _clone(flags: int) -> None:
    if _call("clone", flags, 0, 0, 0, 0) == 0:
        os._exit(0)


def _clone3() -> None:
    arguments = struct.pack("8Q", 0, 0, 0, 0, _SIGCHLD, 0, 0, 0)
    if _call("clone3", arguments, len(arguments)) == 0:
        os._exit(0)


def _own(command: int, value: object) -> None:
    ours, _ = socket.socketpair()
    fcntl.fcntl(ours.fileno(), command, value)  # type: ignore[arg-type]


def _device(command: int) -> None:
    ours, _ = socket.socketpair()
    fcntl.ioctl(ours.fileno(), command, struct.pack("i", os.getppid()))


def _send_datagram() -> None:
    ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.sendto(b"", "/dev/log")


def _send_by_stream() -> None:
    ours, _ = socket.socketpair()
    ours.connect("/dev/log")


def _create_in_libc() -> None:
    if ctypes.CDLL(None, use_errno=True).creat(b"/tmp/apprentice-attack", 0o600) < 0:
        raise OSError(ctypes.get_errno(), "creat failed")


def _run_loader() -> None:
    for loader in Path("/lib64").glob("ld-*"):
        os.posix_spawn(loader, [loader, sys.executable], {})
    raise OSError(errno.ENOENT, "no loader")


ATTEMPTS: dict[str, Callable[[], object]] = {
    **{
        f"clone a {name} namespace by {how}": lambda flags=flags | new: _clone(flags)
        for name, new in _NAMESPACES.items()
        for how, flags in (
            ("vfork", _VFORK | _VM | _SIGCHLD),
            ("a copied vfork", _VFORK | _SIGCHLD),
            ("a thread", _THREAD | _VM),
        )
    },
    "clone a copy by vfork": lambda: _clone(_VFORK | _SIGCHLD),
    "clone a copy": lambda: _clone(_SIGCHLD),
    "clone a process with the same memory": lambda: _clone(_VM | _SIGCHLD),
    "clone a child of the parent": lambda: _clone(_VFORK | _VM | _PARENT | _SIGCHLD),
    "clone by clone3": _clone3,
    "own a socket for the parent": lambda: _own(fcntl.F_SETOWN, os.getppid()),
    "own a socket for a group": lambda: _own(fcntl.F_SETOWN, -os.getpgid(os.getppid())),
    "own a socket for the parent by a structure": lambda: _own(
        15, struct.pack("ii", 1, os.getppid())
    ),
    "choose a signal": lambda: _own(10, 9),
    "own by FIOSETOWN": lambda: _device(0x8901),
    "own by SIOCSPGRP": lambda: _device(0x8902),
    "type into a terminal": lambda: _device(0x5412),
    "watch a folder": lambda: fcntl.fcntl(os.open("/usr", os.O_RDONLY), fcntl.F_NOTIFY, 1),
    "lease a file": lambda: fcntl.fcntl(os.open(__file__, 0), fcntl.F_SETLEASE, fcntl.F_RDLCK),
    "enlarge a pipe": lambda: fcntl.fcntl(os.pipe()[1], fcntl.F_SETPIPE_SZ, 2**20),
    "limit the group": lambda: resource.prlimit(1, resource.RLIMIT_CPU),
    "send a datagram by a pair": _send_datagram,
    "connect a pair again": _send_by_stream,
    "make a pair of packets": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET),
    "run this Python": lambda: os.posix_spawn(sys.executable, ["python", "-c", "0"], {}),
    "run by a descriptor": lambda: os.execve(os.open(sys.executable, 0), ["python"], {}),
    "run by execveat": lambda: _call("execveat", -100, sys.executable.encode(), 0, 0, 0),
    "run the loader": _run_loader,
    "create in libc": _create_in_libc,
    "open by openat2": lambda: _call("openat2", -100, b"/tmp/x", struct.pack("3Q", 0x42, 0, 0), 24),
    "rename by renameat2": lambda: _call("renameat2", -100, b"/tmp/x", -100, b"/tmp/y", 0),
    **{
        f"call {name}": lambda name=name: _call(name, 0, 0, 0, 0, 0)
        for name in _NUMBERS
        if not name.startswith("clone")
    },
}
