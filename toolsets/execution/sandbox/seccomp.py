"""Filter the system calls of a worker process: no network, no forks, no access to others.

Uses the kernel's stable interface (linux/seccomp.h, linux/filter.h), because bindings of libseccomp
need its shared library, which slim images lack. A denied call fails with EPERM, so that a function
gets an ordinary OSError. Threads are allowed, and so is starting a program (by vfork, which rules
out fork bombs); Landlock limits which one (`toolsets.execution.sandbox.confinement`). A started
program has the same filter and stays in the worker's process group.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

PR_SET_PDEATHSIG = 1
CLONE_THREAD_OR_VFORK = 0x10000 | 0x4000

# Name: number on x86_64, number on aarch64 (None: no such call there)
_DENIED: dict[str, tuple[int, int | None]] = {
    # processes
    "fork": (57, None),
    "execveat": (322, 281),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "unshare": (272, 97),
    "setns": (308, 268),
    # network; socketpair is allowed, as event loops need it
    "socket": (41, 198),
    "io_uring_setup": (425, 425),
    # other processes
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # objects that outlive the process, or memory that is not counted as its own
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # file metadata, which Landlock does not protect
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "open_by_handle_at": (304, 265),
    # kernel internals
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column, AUDIT_ARCH_*
_CLONE, _CLONE3, _KILL, _TGKILL = (56, 220), (435, 435), (62, 129), (234, 131)
_PRCTL, _PRLIMIT, SECCOMP = (157, 167), (302, 261), (317, 277)

_LOAD, _EQUAL, _GREATER_OR_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _KILL_PROCESS, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000  # first number of the x32 interface; all are denied
_NEGATIVE = 1 << 31  # of a process id: it means a group or all processes
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def install(signals: bool) -> bool:
    """Filter the system calls of this process from now on; False if the system cannot do it.

    The process must have set PR_SET_NO_NEW_PRIVS. `signals`: whether it may signal processes other
    than itself, because something else limits its signals to processes that it started.
    """
    if sys.platform != "linux" or os.uname().machine not in MACHINES:
        return False
    return apply(_program(*MACHINES[os.uname().machine], signals))


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


def _program(column: int, architecture: int, signals: bool) -> list[_Instruction]:
    own = os.getpid()
    kill = (_ANY_BIT, _NEGATIVE) if signals else (_EQUAL, own)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_GREATER_OR_EQUAL, 0, 1, _X32),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        *deny(_CLONE3[column], errno.ENOSYS),  # libc then uses clone, whose flags a filter can read
        *_only_if(_CLONE[column], (_ANY_BIT, CLONE_THREAD_OR_VFORK)),
        *(_unless if signals else _only_if)(_KILL[column], kill),
        *_only_if(_TGKILL[column], (_EQUAL, own)),
        *_only_if(_PRLIMIT[column], (_EQUAL, 0), (_EQUAL, own)),
        *_unless(_PRCTL[column], (_EQUAL, PR_SET_PDEATHSIG)),
    ]
    for numbers in _DENIED.values():
        if (number := numbers[column]) is not None:
            program += deny(number, errno.EPERM)
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _only_if(number: int, *tests: tuple[int, int]) -> list[_Instruction]:
    """Instructions that deny a call unless its first argument passes one of the tests."""
    left = len(tests)
    return [
        (_EQUAL, 0, left + 3, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        *((code, left - i, 0, operand) for i, (code, operand) in enumerate(tests)),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _unless(number: int, test: tuple[int, int]) -> list[_Instruction]:
    """Instructions that deny a call if its first argument passes the test."""
    return [
        (_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (test[0], 0, 1, test[1]),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
