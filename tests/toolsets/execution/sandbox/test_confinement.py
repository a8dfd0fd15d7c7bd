"""What confined functions may still do, and kernels without confinement.

Not here: what is blocked (`tests.toolsets.execution.test_attacks`).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

import toolsets
from tests.conftest import ROOT
from tests.toolsets.execution.calls import call
from toolsets import Executor, Toolset, tool

# Imitates a kernel without Landlock and without filters of system calls.
OLD_KERNEL = """
import ctypes, errno, os
from toolsets.execution.sandbox import seccomp

column = seccomp.MACHINES[os.uname().machine][0]
allow = (0x06, 0, 0, 0x7FFF0000)
missing = seccomp.deny(444, errno.ENOSYS) + seccomp.deny(seccomp.SECCOMP[column], errno.EINVAL)
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
assert seccomp.apply([(0x20, 0, 0, 0), *missing, allow])
"""
EXECUTE = """
from tests.toolsets.hostile import toolset
from toolsets import Executor, ToolCall

with Executor(toolset, workers=2) as executor:
    for name in ("echo", "crash", "echo", "crash", "echo"):
        print(executor.run(ToolCall(name, {"text": "hello"} if name == "echo" else {}, "")).content)
"""
CHILDREN = """
from tests.toolsets.hostile import toolset
from toolsets import Executor, ToolCall

with Executor(toolset, workers=1, memory_mib=96) as executor:
    arguments = {{"mib": {mib}, "children": {children}}}
    print(executor.run(ToolCall("allocate_in_children", arguments, "")).content)
"""


@tool
def read(path: str) -> str:
    """Read a file."""
    with open(path) as file:
        return file.read()


@tool
def python_prefix() -> str:
    """Start this Python and return its prefix."""
    command = [sys.executable, "-c", "import sys; print(sys.prefix)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@tool
def solve(bound: int) -> str:
    """Import a library at the first call and use it."""
    import z3

    x = z3.Int("x")
    solver = z3.Solver()
    solver.add(x > bound, x < bound + 2)
    return f"{solver.check()} {solver.model()[x]}"


@tool
async def wait(seconds: float) -> str:
    """Wait in an event loop and in a thread of it."""
    await asyncio.sleep(seconds)
    return await asyncio.to_thread(str, seconds)


tools = (read, python_prefix, solve, wait)
confined = Toolset("tests.toolsets.execution.sandbox.test_confinement:confined", tools)
free = Toolset("tests.toolsets.execution.sandbox.test_confinement:free", (read,), unconfined=True)
mixed = confined + free.select(["read as read_freely"])


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(confined, workers=1) as executor:
        yield executor


def test_a_function_may_import_and_read_files_on_the_module_path(executor: Executor) -> None:
    assert executor.run(call("solve", bound=5)).content == "sat 6"
    assert executor.run(call("read", path=__file__)).error_kind != "function_error"


def test_a_function_may_not_start_this_python(executor: Executor) -> None:
    assert "Operation not permitted" in executor.run(call("python_prefix")).content


def test_a_function_may_have_an_event_loop_and_threads(executor: Executor) -> None:
    assert executor.run(call("wait", seconds=0.01)).content == "0.01"


def test_an_unconfined_toolset_may_do_what_the_operator_may(executor: Executor) -> None:
    reading = call("read", path="/etc/passwd")
    assert "Permission denied" in executor.run(reading).content
    with Executor(free, workers=1) as unconfined:
        assert unconfined.run(reading).ok


@pytest.mark.parametrize("name", ["confined+{}:free[read as read_freely]", "mixed"])
def test_a_confined_function_stays_confined_beside_an_unconfined_one(name: str) -> None:
    module = free.name.removesuffix(":free")
    joined = toolsets.load(f"{module}:{name.format(module)}")
    with Executor(joined, workers=1) as executor:
        kept = executor.run(call("read", path="/etc/passwd"))
        freely = executor.run(call("read_freely", path="/etc/passwd"))
        unknown = executor.run(call("reed"))
        assert (executor.metrics().calls, executor.metrics().failures) == (2, {"function_error": 1})
    assert "Permission denied" in kept.content and freely.ok
    assert "The functions are: read, python_prefix, solve, wait, read_freely." in unknown.content


def test_an_old_kernel_causes_one_warning_and_calls_are_still_executed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OLD_KERNEL + EXECUTE], cwd=ROOT, capture_output=True, text=True
    )
    ended = "crash: the function ended its process"
    assert done.stdout.splitlines() == ["hello", ended, "hello", ended, "hello"], done.stderr
    assert done.stderr.splitlines() == [
        "the sandbox is incomplete: this kernel cannot block reading files, changing files,"
        " running programs, the network, other processes"
    ]


@pytest.mark.parametrize(
    ("mib", "children", "content"),
    [
        (20, 2, "allocated"),
        (48, 3, "allocate_in_children needs too much memory"),
    ],
)
def test_children_count_where_the_kernel_cannot_forbid_them(
    mib: int, children: int, content: str
) -> None:
    script = OLD_KERNEL + CHILDREN.format(mib=mib, children=children)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == content, done.stderr


def test_a_kernel_that_supports_confinement_causes_no_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
