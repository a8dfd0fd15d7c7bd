"""The toolset `tests.toolsets.hostile:toolset`: functions that misbehave in every known way."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

from toolsets import ChainState, LimitExceeded, Toolset, tool

_leaked: list[bytearray] = []


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")


@tool
def echo(text: str) -> str:
    """Return the text."""
    return text


@tool
def length(text: str) -> int:
    """Count the characters of a text."""
    return len(text)


@tool
def leave_a_thread() -> int:
    """Start a thread that keeps running, and return the worker's process id."""
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return os.getpid()


@tool
def leave_a_child() -> int:
    """Start a process that keeps running, and return its id."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


@tool
def own_pid(pause: float = 0.0) -> int:
    """Return the worker's process id after a pause in seconds."""
    time.sleep(pause)
    return os.getpid()


@tool
def environment() -> list[str]:
    """Name the variables of the worker's environment."""
    return sorted(os.environ)


@tool
def hang() -> None:
    """Never return."""
    while True:
        pass


@tool
def hang_and_catch() -> None:
    """Never return, and catch every Exception."""
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


@tool
def hang_ignoring_alarm() -> None:
    """Never return, and ignore the alarm."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)


@tool
def allocate(mib: int) -> int:
    """Allocate memory and free it."""
    return len(bytearray(mib * 2**20)) // 2**20


@tool(memory_mib=256)
def allocate_much(mib: int) -> int:
    """Allocate more memory than other functions may, and free it."""
    return len(bytearray(mib * 2**20)) // 2**20


@tool(wall_clock_seconds=0.3)
def hang_briefly() -> None:
    """Sleep, with a lower time limit than other functions."""
    time.sleep(60)


@tool(wall_clock_seconds=20.0)
def sleep_longer(seconds: float) -> str:
    """Sleep, with a higher time limit than other functions."""
    time.sleep(seconds)
    return "awake"


@tool
def burn() -> None:
    """Keep four threads busy."""
    for _ in range(4):
        threading.Thread(target=hashlib.pbkdf2_hmac, args=("md5", b"", b"", 10**8)).start()
    time.sleep(60)


@tool
def crowd(threads: int) -> int:
    """Start threads with small stacks, wait a second, and count them."""
    threading.stack_size(32768)
    for _ in range(threads):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(1)
    return threading.active_count()


@tool
def allocate_in_children(mib: int, children: int) -> str:
    """Allocate memory in each of some child processes at the same time."""
    for _ in range(children):
        if os.fork() == 0:
            kept = b"x" * (mib * 2**20)
            time.sleep(60)
            os._exit(len(kept) == 0)
    time.sleep(1)
    return "allocated"


@tool
def remember(word: str, state: ChainState) -> str:
    """Add a word to those of this chain and return them all."""
    state["words"] = [*state.get("words", []), word]
    return " ".join(state["words"])


@tool
def open_files() -> list[str]:
    """Name the open files of the worker."""
    return [os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if entry.is_symlink()]


@tool
def leak(mib: int) -> int:
    """Allocate memory and never free it."""
    _leaked.append(bytearray(mib * 2**20))
    return len(_leaked)


@tool
def exit_process(status: int) -> None:
    """End the process at once."""
    os._exit(status)


@tool
def raise_system_exit() -> None:
    """End the process by SystemExit."""
    sys.exit(0)


@tool
def crash() -> None:
    """End the process by a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)


@tool
def print_text(text: str) -> str:
    """Print the text in three ways and return it."""
    print(text, flush=True)
    os.write(1, text.encode())
    os.system("echo from a child")
    return text


@tool
def read_input() -> str:
    """Read standard input to its end."""
    return f"heard {len(sys.stdin.read())} characters"


@tool
def write(characters: int) -> str:
    """Return a text of some length."""
    return "x" * characters


@tool
def raise_error(characters: int) -> None:
    """Raise ValueError with a message of some length."""
    raise ValueError("x" * characters)


@tool
def raise_empty_error() -> None:
    """Raise an error without a message."""
    raise KeyError


@tool
def raise_unprintable_error() -> None:
    """Raise an error whose message cannot be read."""
    raise UnprintableError


@tool
def raise_limit_exceeded() -> None:
    """Raise LimitExceeded."""
    raise LimitExceeded("the input is too large")


toolset = Toolset(
    "tests.toolsets.hostile:toolset",
    (
        echo,
        length,
        leave_a_thread,
        leave_a_child,
        own_pid,
        environment,
        hang,
        hang_and_catch,
        hang_ignoring_alarm,
        allocate,
        allocate_much,
        hang_briefly,
        sleep_longer,
        burn,
        crowd,
        allocate_in_children,
        remember,
        open_files,
        leak,
        exit_process,
        raise_system_exit,
        crash,
        print_text,
        read_input,
        write,
        raise_error,
        raise_empty_error,
        raise_unprintable_error,
        raise_limit_exceeded,
    ),
)
