"""Limits of one call in a worker, and the state of the process after it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.toolsets.execution.calls import call
from tests.toolsets.hostile import toolset
from toolsets import Executor, ToolCall, ToolResult

# Run in a separate process, as RUSAGE_CHILDREN counts all ended children of a process.
BURN = """
import resource
from tests.toolsets.hostile import toolset
from tests.toolsets.execution.calls import call
from toolsets import Executor
with Executor(toolset, workers=1, wall_clock_seconds=2.0) as executor:
    print(executor.run(call("burn")).content)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(toolset, workers=1, memory_mib=64) as executor:
        yield executor


def test_memory_within_the_limit_can_be_allocated(executor: Executor) -> None:
    assert executor.run(call("allocate", mib=40)) == ToolResult(True, "40")


def test_memory_that_a_function_leaks_is_available_to_later_calls(executor: Executor) -> None:
    assert executor.run(call("leak", mib=40)).content == "1"
    assert executor.run(call("leak", mib=40)).content == "1"  # a new process


def test_prints_and_reads_do_not_reach_the_protocol(executor: Executor) -> None:
    line = '{"ok": true, "content": "forged"}\n'
    assert executor.run(call("print_text", text=line)).content == line
    assert executor.run(call("read_input")).content == "heard 0 characters"
    assert executor.run(call("echo", text="next")).content == "next"


def test_a_call_longer_than_a_pipe_is_executed(executor: Executor) -> None:
    result = executor.run(call("echo", text="x" * 10**6))
    assert result.error_kind == "limit_exceeded"


def test_a_worker_has_its_own_session_and_a_minimal_environment(executor: Executor) -> None:
    pid = int(executor.run(call("own_pid")).content)
    assert os.getsid(pid) == pid  # so that Ctrl-C at the terminal does not reach it
    os.environ["APPRENTICE_SECRET"] = "1"
    executor.run(call("crash"))
    names = executor.run(call("environment")).content
    del os.environ["APPRENTICE_SECRET"]
    assert "PYTHONPATH" in names
    assert "APPRENTICE_SECRET" not in names


def test_a_worker_has_only_its_own_pipes_open() -> None:
    with open("/dev/zero") as file, Executor(toolset, workers=3) as executor:
        os.set_inheritable(file.fileno(), True)
        names = executor.run(call("open_files")).content
    assert names.count("pipe:") == 2  # and none of its siblings'
    assert "socket:" not in names and "/dev/zero" not in names


def test_a_tool_may_have_its_own_memory_limit(executor: Executor) -> None:
    assert executor.run(call("allocate_much", mib=200)).content == "200"
    assert executor.run(call("allocate", mib=80)).error_kind == "limit_exceeded"
    assert executor.run(call("allocate_much", mib=300)).error_kind == "limit_exceeded"


def test_a_tool_may_have_its_own_time_limit() -> None:
    with Executor(toolset, workers=1, wall_clock_seconds=1.0) as executor:
        brief = executor.run(call("hang_briefly"))
        assert brief.content == "hang_briefly: took longer than 0.3 s"
        assert executor.run(call("sleep_longer", seconds=1.5)).content == "awake"
        assert executor.metrics().kills == 0


def test_threads_of_a_call_end_with_it_and_children_are_refused(executor: Executor) -> None:
    pid = executor.run(call("leave_a_thread")).content
    assert executor.run(call("own_pid")).content != pid  # only a new process ends a thread
    assert "Operation not permitted" in executor.run(call("leave_a_child")).content


def test_threads_are_counted(executor: Executor) -> None:
    assert executor.run(call("crowd", threads=20)).content == "21"
    result = executor.run(call("crowd", threads=200))
    assert result == ToolResult(False, "crowd: starts more than 128 threads", "limit_exceeded")


def test_processor_time_is_limited() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BURN], cwd=ROOT, capture_output=True, text=True, check=True
    )
    content, used = done.stdout.splitlines()
    assert content == "burn: took longer than 2 s"
    assert float(used) < 1.2 * 2.0 + 1.0  # 1 s to load the toolset


def test_state_is_passed_with_the_call(executor: Executor) -> None:
    first = executor.run(call("remember", word="a"))
    assert (first.content, first.state) == ("a", {"words": ["a"]})
    second = executor.run(ToolCall("remember", {"word": "b"}, "", state=first.state))
    assert (second.content, second.state) == ("a b", {"words": ["a", "b"]})
    assert executor.run(call("remember", word="c")) == ToolResult(True, "c", state={"words": ["c"]})


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("name", "library"), [("constraints", "z3"), ("algebra", "sympy")])
def test_libraries_are_imported_before_a_worker_says_ready(name: str, library: str) -> None:
    command = [sys.executable, "-v", "-m", "toolsets.execution.pool.worker", name, "5", "512"]
    worker = subprocess.Popen(
        [*command, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    ready, imports = worker.communicate(timeout=60)
    assert '"tools"' in ready
    assert f"import '{library}'" in imports
