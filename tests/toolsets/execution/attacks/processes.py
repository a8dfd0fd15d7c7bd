"""Attempts on processes: start processes, signal others, end the worker.

Harmless even if they succeed, because the kernel may have no sandbox: other processes get signal 0,
which only tests whether a signal could be sent, and started processes end soon.
"""

from __future__ import annotations

import _thread
import ctypes
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable


def _system() -> None:
    if status := os.system("true"):
        raise OSError(f"the shell did not run: {status}")


def _daemonize() -> None:
    if os.fork() == 0:
        os.setsid()
        os.fork()
        time.sleep(3)
        os._exit(0)


def _fork_bomb() -> None:
    for _ in range(4):
        os.fork()


def _thread_bomb() -> None:
    while True:
        threading.Thread(target=signal.pause, daemon=True).start()


def _small_thread_bomb() -> None:
    threading.stack_size(32768)
    while True:
        threading.Thread(target=signal.pause, daemon=True).start()
        time.sleep(0.0005)


def _leave_thread() -> str:
    threading.Thread(target=_spin, daemon=True).start()
    return "started"


def _leave_low_level_thread() -> str:
    _thread.start_new_thread(_spin, ())
    return "started"


def _spin() -> None:
    while True:
        pass


def _multiply() -> None:
    process = multiprocessing.Process(target=_spin, daemon=True)
    process.start()
    process.join()


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None).prctl(option, value, 0, 0, 0):
        raise OSError("prctl failed")


def _call_libc(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None), name)(*arguments) < 0:
        raise OSError(f"{name} failed")


def _raise(error: BaseException) -> None:
    raise error


def _limit_parent() -> None:
    now = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, now)


# Two children that start one child each; all four keep running.
_TREE = """
import subprocess, sys
for _ in range(2):
    subprocess.Popen([sys.executable, "-c", "import subprocess, sys, time;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)']);"
        "time.sleep(3600)"])
"""


def _start_python(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script])


def _run_python(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True)


HARMLESS = (
    "vfork",
    "leave a thread",
    "leave a low-level thread",
    "stop oneself by SIGTSTP",
)
LIMITED = ("stop oneself", "raise memory", "bomb of small threads")
ATTEMPTS: dict[str, Callable[[], object]] = {
    "fork": os.fork,
    "fork in libc": lambda: _call_libc("fork"),
    "vfork": lambda: _call_libc("vfork"),
    "fork a terminal": os.forkpty,
    "fork bomb": _fork_bomb,
    "daemonize": _daemonize,
    "run a shell": _system,
    "run a command": lambda: subprocess.run(["true"], check=True),
    "run a library": lambda: subprocess.run([os.__file__], check=True),
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "leave a child": lambda: _start_python("import time; time.sleep(3600)"),
    "leave a tree": lambda: _start_python(_TREE).wait(),
    "leave a daemon": lambda: _start_python("import os; os.setsid()").wait(),
    "write by a child": lambda: _run_python("open('/tmp/apprentice-attack', 'w')"),
    "connect by a child": lambda: _run_python("import socket; socket.socket()"),
    "fork by a child": lambda: _run_python("import os; os.fork()"),
    "signal by a child": lambda: _run_python(f"import os; os.kill({os.getppid()}, 0)"),
    "wait for a child": lambda: _start_python("import time; time.sleep(3600)").wait(),
    "take memory by a child": lambda: _run_python("bytearray(10**10)"),
    "become another program": lambda: os.execv(sys.executable, [sys.executable]),
    "multiprocess": _multiply,
    "thread bomb": _thread_bomb,
    "bomb of small threads": _small_thread_bomb,
    "leave a thread": _leave_thread,
    "leave a low-level thread": _leave_low_level_thread,
    "kill the parent": lambda: os.kill(os.getppid(), 0),
    "kill the first": lambda: os.kill(1, 0),
    "kill everybody": lambda: os.kill(-1, 0),
    "kill the group": lambda: os.killpg(os.getpgid(os.getppid()), 0),
    "send by handle": lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0),
    "trace the parent": lambda: _call_libc("ptrace", 16, os.getppid(), 0, 0),
    "limit the parent": _limit_parent,
    "slow the parent": lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 0),
    "bind the parent": lambda: os.sched_setaffinity(os.getppid(), range(os.cpu_count() or 1)),
    "hurry": lambda: os.nice(-10),
    "be real-time": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "outlive the parent": lambda: _prctl(1, 0),
    "be another user": lambda: os.setuid(1),
    "enter a namespace": lambda: _call_libc("unshare", 0x10000000),
    "mount": lambda: _call_libc("mount", 0, 0, 0, 0, 0),
    "load a module": lambda: _call_libc("syscall", 175, 0, 0, 0),
    "kill oneself": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "terminate oneself": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "interrupt oneself": lambda: os.kill(os.getpid(), signal.SIGINT),
    "stop oneself": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "stop oneself by SIGTSTP": lambda: os.kill(os.getpid(), signal.SIGTSTP),
    "abort": os.abort,
    "fault": lambda: ctypes.string_at(0),
    "exit": sys.exit,
    "exit at once": lambda: os._exit(0),
    "exit in libc": lambda: _call_libc("exit", 0),
    "raise exit": lambda: _raise(SystemExit(3)),
    "raise interrupt": lambda: _raise(KeyboardInterrupt()),
    "raise a base": lambda: _raise(BaseException("base")),
    "raise memory": lambda: _raise(MemoryError()),
    "raise stop": lambda: _raise(StopIteration()),
    "raise generator exit": lambda: _raise(GeneratorExit()),
}
