"""Restrict what a worker process may do, as far as the kernel supports it.

Files: Landlock (linux/landlock.h, since Linux 5.13). A function may read Python's and the system's
libraries and everything on the module path, so that it can import; a home folder on that path is
readable too. It may write no file and start no program. Network and processes: a filter of system
calls (`toolsets.execution.sandbox.seccomp`), which also protects files from being changed where
Landlock is old or absent. Neither needs privileges. The kernel's interface is used directly: three
system calls instead of an unmaintained library.

Not here: time and memory (`toolsets.execution.pool.worker`, `toolsets.execution.sandbox.memory`).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from toolsets.execution.sandbox import seccomp

MOST_FILES = 256  # open at once

# linux/prctl.h, linux/capability.h
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
CAP_DAC_READ_SEARCH = 1 << 2
_CAPABILITY_VERSION = 0x20080522

# linux/landlock.h; the numbers are the same on every machine
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 2, 4, 8
_RIGHTS = {1: 2**13 - 1, 2: 2**14 - 1, 3: 2**15 - 1, 4: 2**15 - 1}  # by version, then 2**16 - 1
_TCP = 3  # bind and connect, since version 4
_SCOPES = 3  # abstract sockets and signals limited to its own, since version 6
_TRUNCATES, _SCOPED = 3, 6  # the versions that limit truncation, and those scopes

_LIBRARIES = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/proc/self")
_DEVICES = ("/dev/urandom", "/dev/zero")


def confine(version: int | None = None) -> list[str]:
    """Block what no function needs; returns what the kernel could not block.

    Cannot be undone, and also applies to later threads. `version` of Landlock's interface: the
    kernel's if None, 0 for none; a lower one than the kernel's imitates an older kernel.
    """
    os.umask(0o077)
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    most = min(MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    _discard_output()
    if sys.platform != "linux":
        return unblocked(0, False)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if version is None:
        version = max(0, libc.syscall(_CREATE_RULESET, None, 0, _VERSION))
    version = version if _restrict_files(libc, version) else 0
    _drop_capabilities(libc)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphaned descendants become its children
    return unblocked(version, seccomp.install(files=version > 0))


def unblocked(version: int, filtered: bool) -> list[str]:
    """What functions may still do, with this version of Landlock and with a filter of calls."""
    reading = ["reading files"] if version == 0 else []
    if filtered:
        return reading
    changing = ["truncating files"] if version < _TRUNCATES else []
    if version == 0:
        changing = ["changing files", "running programs"]
    return [*reading, *changing, "the network", "other processes"]


def _discard_output() -> None:
    """Discard what functions print, so that a model cannot fill a log file."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(devnull, descriptor)
    os.close(devnull)


def _restrict_files(libc: ctypes.CDLL, version: int) -> bool:
    if version < 1:
        return False
    rights = _RIGHTS.get(version, 2**16 - 1)
    fields = [rights] + [_TCP] * (version >= 4) + [_SCOPES] * (version >= _SCOPED)
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    rules = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if rules < 0:
        return False
    for path in {*_LIBRARIES, *_DEVICES, *_module_paths()}:
        _allow(libc, rules, path, _READ_FILE | _READ_DIR)
    _allow(libc, rules, os.devnull, _READ_FILE | _WRITE_FILE)
    is_restricted = libc.syscall(_RESTRICT_SELF, rules, 0) == 0
    os.close(rules)
    return is_restricted


def _module_paths() -> Iterator[str]:
    yield from (sys.prefix, sys.base_prefix)
    yield from (os.path.abspath(entry) for entry in sys.path)
    for module in list(sys.modules.values()):  # also the folders of editable installations
        if file := getattr(module, "__file__", None):
            yield os.path.dirname(os.path.abspath(file))


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    if not os.path.exists(path):
        return
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rights &= ~_READ_DIR if not Path(path).is_dir() else ~0
    rule = struct.pack("=Qi", rights, descriptor)
    libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0)
    os.close(descriptor)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Drop root's capabilities except CAP_DAC_READ_SEARCH, to read other users' libraries."""
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    current = ctypes.create_string_buffer(24)
    libc.capget(header, current)
    permitted = struct.unpack("6I", current.raw)[1]
    kept = permitted & CAP_DAC_READ_SEARCH
    libc.capset(header, struct.pack("6I", kept, kept, 0, 0, 0, 0))
