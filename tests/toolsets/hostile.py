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

_kept: list[bytearray] = []


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@tool
def echo(text: str) -> str:
    """Give the text back."""
    return text


@tool
def length(text: str) -> int:
    """Count the characters of a text."""
    return len(text)


@tool
def leave_a_thread() -> int:
    """Let a thread run on, and give the worker's process id."""
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return os.getpid()


@tool
def leave_a_child() -> int:
    """Let a process run on, and give its id."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


@tool
def own_pid(pause: float = 0.0) -> int:
    """Give the worker's process id after a pause in seconds."""
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
    """Never return, whatever Exception comes."""
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


@tool
def hang_deaf() -> None:
    """Never return, and ignore the alarm."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    time.sleep(60)


@tool
def allocate(mib: int) -> int:
    """Take memory and give it back."""
    return len(bytearray(mib * 2**20)) // 2**20


@tool(memory_mib=256)
def allocate_much(mib: int) -> int:
    """Take more memory than other functions may, and give it back."""
    return len(bytearray(mib * 2**20)) // 2**20


@tool(wall_clock_seconds=0.3)
def hang_briefly() -> None:
    """Sleep, with less time than other functions have."""
    time.sleep(60)


@tool(wall_clock_seconds=20.0)
def take_a_nap(seconds: float) -> str:
    """Sleep, with more time than other functions have."""
    time.sleep(seconds)
    return "awake"


@tool
def burn() -> None:
    """Keep four threads busy."""
    for _ in range(4):
        threading.Thread(target=hashlib.pbkdf2_hmac, args=("md5", b"", b"", 10**8)).start()
    time.sleep(60)


@tool
def remember(word: str, state: ChainState) -> str:
    """Add a word to those of this chain and give them all."""
    state["words"] = [*state.get("words", []), word]
    return " ".join(state["words"])


@tool
def descriptors() -> list[str]:
    """Name what the worker has open."""
    return [os.readlink(entry.path) for entry in os.scandir("/proc/self/fd") if entry.is_symlink()]


@tool
def keep(mib: int) -> int:
    """Take memory and keep it."""
    _kept.append(bytearray(mib * 2**20))
    return len(_kept)


@tool
def leave(status: int) -> None:
    """End the process at once."""
    os._exit(status)


@tool
def leave_politely() -> None:
    """End the process by SystemExit."""
    sys.exit(0)


@tool
def crash() -> None:
    """End the process by a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)


@tool
def chatter(text: str) -> str:
    """Print the text in three ways and give it back."""
    print(text, flush=True)
    os.write(1, text.encode())
    os.system("echo from a child")
    return text


@tool
def listen() -> str:
    """Read standard input to its end."""
    return f"heard {len(sys.stdin.read())} characters"


@tool
def write(characters: int) -> str:
    """Give a text of some length."""
    return "x" * characters


@tool
def complain(characters: int) -> None:
    """Raise ValueError with a text of some length."""
    raise ValueError("x" * characters)


@tool
def fail_silently() -> None:
    """Raise an error without a text."""
    raise KeyError


@tool
def fail_unspeakably() -> None:
    """Raise an error that cannot be written."""
    raise UnspeakableError


@tool
def refuse() -> None:
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
        hang_deaf,
        allocate,
        allocate_much,
        hang_briefly,
        take_a_nap,
        burn,
        remember,
        descriptors,
        keep,
        leave,
        leave_politely,
        crash,
        chatter,
        listen,
        write,
        complain,
        fail_silently,
        fail_unspeakably,
        refuse,
    ),
)
