"""Attempts on files: read the user's files, write any file.

Each gets a folder of the test with the file `precious`, which the test checks afterwards. Files in
other places are only opened, because the kernel may have no sandbox.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

HARMLESS = ("print much",)
READS = (
    *("read a key", "read the home folder", "read precious", "read precious by os.open"),
    *("read passwords", "read users", "read the root", "read the parent's environment"),
    *("read the parent's memory", "read the parent's files", "read the first process"),
    *("read a disk", "read the kernel's log"),
)
LIMITED = ("print without end",)


def _fill_the_disk(folder: Path) -> None:
    with open(folder / "filler", "wb") as file:
        for _ in range(64):
            file.write(bytes(2**20))


def _open(path: str | Path, mode: str) -> str:
    with open(path, mode) as file:
        return file.name


def _print_without_end(folder: Path) -> None:
    while True:
        print("x" * 2**20)


def _print_much(folder: Path) -> str:
    for _ in range(100):
        print("x" * 2**20)
    return "printed"


def _query(folder: Path) -> None:
    sqlite3.connect(folder / "database").execute("create table t (a)")


ATTEMPTS: dict[str, Callable[[Path], object]] = {
    "read a key": lambda folder: (folder / ".ssh" / "id_rsa").read_text(),
    "read the home folder": lambda folder: os.listdir(Path.home()),
    "read precious": lambda folder: (folder / "precious").read_text(),
    "read precious by os.open": lambda folder: os.read(
        os.open((folder / "precious"), os.O_RDONLY), 10
    ),
    "read passwords": lambda folder: Path("/etc/shadow").read_text(),
    "read users": lambda folder: Path("/etc/passwd").read_text(),
    "read the root": lambda folder: os.listdir("/"),
    "read the parent's environment": lambda folder: Path(
        f"/proc/{os.getppid()}/environ"
    ).read_bytes(),
    "read the parent's memory": lambda folder: _open(f"/proc/{os.getppid()}/mem", "rb"),
    "read the parent's files": lambda folder: os.listdir(f"/proc/{os.getppid()}/fd"),
    "read the first process": lambda folder: Path("/proc/1/environ").read_bytes(),
    "read a disk": lambda folder: _open("/dev/mem", "rb"),
    "read the kernel's log": lambda folder: _open("/dev/kmsg", "rb"),
    "write a file": lambda folder: (folder / "new").write_text("x"),
    "write precious": lambda folder: (folder / "precious").write_text("x"),
    "append": lambda folder: _open((folder / "precious"), "a"),
    "truncate": lambda folder: os.truncate((folder / "precious"), 0),
    "truncate by reading": lambda folder: os.close(
        os.open(folder / "precious", os.O_RDONLY | os.O_TRUNC)
    ),
    "truncate by no access": lambda folder: os.close(os.open(folder / "precious", 3 | os.O_TRUNC)),
    "remove a folder": lambda folder: (folder / ".ssh").rmdir(),
    "exchange": lambda folder: os.replace(folder / "precious", folder / ".ssh" / "id_rsa"),
    "make a device": lambda folder: os.mknod(folder / "device"),
    "make a file without a name": lambda folder: os.open(folder, os.O_TMPFILE | os.O_RDWR),
    "remove": lambda folder: (folder / "precious").unlink(),
    "remove all": lambda folder: shutil.rmtree(folder),
    "rename": lambda folder: (folder / "precious").rename(folder / "renamed"),
    "make a folder": lambda folder: (folder / "folder").mkdir(),
    "make a link": lambda folder: (folder / "link").symlink_to("/etc/shadow"),
    "make a hard link": lambda folder: (folder / "hard").hardlink_to(folder / "precious"),
    "make a fifo": lambda folder: os.mkfifo(folder / "fifo"),
    "change rights": lambda folder: (folder / "precious").chmod(0o777),
    "change the owner": lambda folder: os.chown((folder / "precious"), 1000, 1000),
    "change times": lambda folder: os.utime((folder / "precious"), (0, 0)),
    "mark": lambda folder: os.setxattr((folder / "precious"), "user.mark", b"x"),
    "make a temporary file": lambda folder: tempfile.mkstemp(),
    "make a database": _query,
    "write a module": lambda folder: _open(__file__, "a"),
    "write a function's library": lambda folder: _open(os.__file__, "a"),
    "write to the kernel": lambda folder: _open("/proc/sys/kernel/core_pattern", "r+"),
    "write one's own score": lambda folder: _open("/proc/self/oom_score_adj", "r+"),
    "fill the disk": _fill_the_disk,
    "fill shared memory": lambda folder: _open("/dev/shm/apprentice-attack", "w"),
    "print without end": _print_without_end,
    "print much": _print_much,
    "change the root": lambda folder: os.chroot(folder),
}
