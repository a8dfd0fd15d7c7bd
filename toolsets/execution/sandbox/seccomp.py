"""Filter the system calls of a worker process: no network, programs, forks or access to others.

Uses the kernel's stable interface (linux/seccomp.h, linux/filter.h), because bindings of libseccomp
need its shared library, which slim images lack. A refused call fails with EPERM, so that a function
gets an ordinary OSError; one that is newer than this list fails with ENOSYS, as on an older kernel,
so that libraries do without it.

Threads are allowed, and vfork, whose child shares the process's memory and can start no program.
No file is changed: it cannot be truncated, renamed, removed or written, whatever Landlock does
(`toolsets.execution.sandbox.confinement`).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

from toolsets.execution.sandbox.system_calls import ALLOWED

MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH_*
SECCOMP = (317, 277)
_CLONE, _CLONE3, _OPENAT2 = (56, 220), (435, 435), (437, 437)
_NEWEST = 451  # cachestat of Linux 6.5; later calls get ENOSYS

# Of a call: the number of an argument, a mask, and the values of which the masked argument has one.
_Test = tuple[int, int, tuple[int, ...]]
_ALL = 0xFFFFFFFF

# linux/sched.h: all CLONE_NEW*, and CLONE_PARENT, whose child would belong to the executor
_NAMESPACES, _PARENT = 0x7E020080, 0x8000
_VM, _VFORK, _THREAD = 0x100, 0x4000, 0x10000
# asm-generic/fcntl.h: the access mode, and O_CREAT, O_TRUNC and O_TMPFILE without O_DIRECTORY
_ACCESS, _CREATE, _TRUNCATE, _TEMPORARY = 0x3, 0x40, 0x200, 0x400000
# F_DUPFD to F_SETLKW, F_GETOWN, locks, F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_GET_SEALS; not F_SETOWN,
# F_SETSIG, F_SETOWN_EX, F_SETLEASE and F_NOTIFY, which deliver signals, nor F_SETPIPE_SZ
_FILE_COMMANDS = (*range(8), 9, 36, 37, 38, 1030, 1032, 1034)
# TCGETS, TCGETS2, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX; not FIOSETOWN and SIOCSPGRP
_DEVICE_COMMANDS = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# PR_GET_*, PR_SET_NAME, PR_SET_TIMERSLACK, PR_SET_VMA; not PR_SET_PDEATHSIG
_PROCESS_COMMANDS = (2, 3, 7, 15, 16, 21, 23, 27, 29, 30, 39, 42, 0x53564D41)

_LOAD, _AND, _EQUAL, _GREATER, _GREATER_OR_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _KILL_PROCESS, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000  # first number of the x32 interface; all are denied
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def install(files: bool) -> bool:
    """Filter the system calls of this process from now on; False if the system cannot do it.

    The process must have set PR_SET_NO_NEW_PRIVS. `files`: whether Landlock decides which files may
    be opened for writing; else none may.
    """
    if sys.platform != "linux" or os.uname().machine not in MACHINES:
        return False
    return apply(_program(*MACHINES[os.uname().machine], files))


def apply(program: list[_Instruction]) -> bool:
    """Filter by this program, in all threads; False if the kernel refuses it."""
    column, _ = MACHINES[os.uname().machine]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filters = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    number = ctypes.c_long(SECCOMP[column])
    return ctypes.CDLL(None).syscall(number, _SET_MODE_FILTER, _ALL_THREADS, filters) == 0


def deny(number: int, error: int) -> list[_Instruction]:
    """Instructions that make a call fail with `error`, a number of `errno`."""
    return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | error)]


def _program(column: int, architecture: int, files: bool) -> list[_Instruction]:
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_GREATER_OR_EQUAL, 0, 1, _X32),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
    ]
    for numbers in ALLOWED.values():
        if (number := numbers[column]) is not None:
            program += _only_if(number)
    for numbers, tests in _conditions(files):
        if (number := numbers[column]) is not None:
            program += _only_if(number, *tests)
    for numbers in (_CLONE3, _OPENAT2):  # libc then uses clone and openat, which a filter can read
        program += deny(numbers[column], errno.ENOSYS)
    return [
        *program,
        (_GREATER, 0, 1, _NEWEST),
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
    ]


def _conditions(files: bool) -> list[tuple[tuple[int | None, int | None], tuple[_Test, ...]]]:
    """Numbers of calls that are allowed if all tests pass."""
    own = os.getpid()
    mask, modes = _ACCESS | _CREATE | _TRUNCATE | _TEMPORARY, (0,)
    if files:  # Landlock before version 3 lets a file be truncated that is opened for reading
        mask, modes = _ACCESS | _TRUNCATE, (0, 1, 2, 3, _TRUNCATE | 1, _TRUNCATE | 2)
    threads = (_THREAD | _VM, _THREAD | _VM | _VFORK, _VM | _VFORK)
    return [
        ((2, None), ((1, mask, modes),)),  # open
        ((257, 56), ((2, mask, modes),)),  # openat
        (_CLONE, ((0, _NAMESPACES | _PARENT, (0,)), (0, _THREAD | _VM | _VFORK, threads))),
        ((62, 129), ((0, _ALL, (own,)),)),  # kill
        ((234, 131), ((0, _ALL, (own,)),)),  # tgkill
        ((302, 261), ((0, _ALL, (0, own)),)),  # prlimit64
        ((157, 167), ((0, _ALL, _PROCESS_COMMANDS),)),  # prctl
        ((72, 25), ((1, _ALL, _FILE_COMMANDS),)),  # fcntl
        ((16, 29), ((1, _ALL, _DEVICE_COMMANDS),)),  # ioctl
        # socketpair of AF_UNIX and SOCK_STREAM; a datagram socket may be addressed to anyone
        ((53, 199), ((0, _ALL, (1,)), (1, 0xF, (1,)))),
    ]


def _only_if(number: int, *tests: _Test) -> list[_Instruction]:
    """Instructions that allow a call if it passes all the tests, and deny it otherwise."""
    body: list[_Instruction] = []
    for argument, mask, values in tests:
        body += [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), (_AND, 0, 0, mask)]
        body += [(_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
        body += [(_RETURN, 0, 0, _ERROR | errno.EPERM)]
    return [(_EQUAL, 0, len(body) + 1, number), *body, (_RETURN, 0, 0, _ALLOW)]
