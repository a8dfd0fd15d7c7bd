import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

import toolsets
from tests.conftest import ROOT
from tests.toolsets.execution.calls import call, is_alive, wait_until
from tests.toolsets.hostile import toolset
from toolsets import Executor, ToolCall, ToolResult, Toolset, ToolsetError
from toolsets.errors import ErrorKind

SECONDS = 0.5


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(toolset, workers=1, memory_mib=64) as executor:
        yield executor


@pytest.fixture(scope="module")
def impatient() -> Iterator[Executor]:
    with Executor(toolset, workers=1, wall_clock_seconds=SECONDS) as executor:
        yield executor


# Results


def test_a_call_returns_its_result(executor: Executor) -> None:
    assert executor.run(call("echo", text="5")) == ToolResult(True, "5", None)


@pytest.mark.parametrize("text", ["", "two\nlines", "ünïcödé 🦊", "\0", "x" * 10_000])
def test_text_is_returned_unchanged(executor: Executor, text: str) -> None:
    assert executor.run(call("echo", text=text)) == ToolResult(True, text)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("\ud800", "\ufffd"),
        ("a\udc00b", "a\ufffdb"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("é\udfff🦊", "é\ufffd🦊"),
    ],
)
def test_a_lone_surrogate_is_replaced(executor: Executor, text: str, content: str) -> None:
    assert executor.run(call("echo", text=text)) == ToolResult(True, content)
    assert content.encode()


def test_printed_numbers_are_exact() -> None:
    arithmetic = toolsets.load("arithmetic")
    contents = {
        "add(a=0.1, b=0.2)": "0.3",
        "multiply(a=100000000000000000001, b=1000000001)": "100000000100000000001000000001",
        "divide(a=1, b=3)": "0.333333333333333",
        "multiply(a=0.333333333333333, b=3)": "1",
        "power(base=1.05, exponent=10)": "1.62889462677744140625",
    }
    with Executor(arithmetic, workers=1) as executor:
        assert {text: executor.run(arithmetic.parse(text)).content for text in contents} == contents


def test_a_subset_and_a_joined_toolset_run_too() -> None:
    joined = toolsets.load("arithmetic[divide,add]+tests.toolsets.hostile:toolset[echo]")
    with Executor(joined, workers=1) as executor:
        assert executor.run(joined.parse("divide(9, 4)")).content == "2.25"
        assert executor.run(joined.parse("echo('a')")).content == "a"


def test_calls_run_in_parallel() -> None:
    async def three() -> list[ToolResult]:
        return await asyncio.gather(*(executor.submit(call("own_pid", pause=1.0)) for _ in "abc"))

    with Executor(toolset, workers=3) as executor:
        pids = {result.content for result in asyncio.run(three())}
    assert len(pids) == 3


def test_one_executor_serves_several_event_loops(executor: Executor) -> None:
    async def echoed(text: str) -> str:
        return (await executor.submit(call("echo", text=text))).content

    assert [asyncio.run(echoed(text)) for text in "ab"] == ["a", "b"]


def test_a_cancelled_call_is_not_executed(executor: Executor) -> None:
    async def cancel_one() -> tuple[ToolResult | BaseException, ...]:
        first = executor.submit(call("own_pid", pause=0.2))
        second = executor.submit(call("exit_process", status=1))
        third = executor.submit(call("own_pid"))
        second.cancel()
        return await asyncio.gather(first, second, third, return_exceptions=True)

    first, second, third = asyncio.run(cancel_one())
    assert isinstance(second, asyncio.CancelledError)
    assert first == third  # the same process, so the call between them was not executed


# Failures reported to the model


@pytest.mark.parametrize(
    ("name", "arguments", "message", "kind"),
    [
        ("allocate", {"mib": 80}, "allocate needs too much memory", "limit_exceeded"),
        (
            "exit_process",
            {"status": 0},
            "exit_process: the function ended its process",
            "function_error",
        ),
        (
            "raise_system_exit",
            {},
            "raise_system_exit: the function ended its process",
            "function_error",
        ),
        ("crash", {}, "crash: the function ended its process", "function_error"),
        (
            "write",
            {"characters": 10_001},
            "write: the result is longer than 10,000 characters",
            "limit_exceeded",
        ),
        (
            "raise_limit_exceeded",
            {},
            "raise_limit_exceeded: the input is too large",
            "limit_exceeded",
        ),
        ("raise_error", {"characters": 5}, "raise_error: xxxxx", "function_error"),
        ("raise_empty_error", {}, "raise_empty_error: KeyError", "function_error"),
        (
            "raise_unprintable_error",
            {},
            "raise_unprintable_error: UnprintableError",
            "function_error",
        ),
        (
            "echo",
            {"text": 5},
            "echo: argument text: input should be a valid string, got 5. Use: echo(text: string)",
            "bad_arguments",
        ),
    ],
)
def test_a_failure_is_reported_and_the_next_call_works(
    executor: Executor, name: str, arguments: dict[str, object], message: str, kind: ErrorKind
) -> None:
    assert executor.run(ToolCall(name, arguments, "")) == ToolResult(False, message, kind)
    assert executor.run(call("echo", text="next")) == ToolResult(True, "next")


@pytest.mark.parametrize("name", ["hang", "hang_and_catch", "hang_ignoring_alarm"])
def test_a_hang_is_reported_and_the_next_call_works(impatient: Executor, name: str) -> None:
    message = f"{name}: took longer than 0.5 s"
    assert impatient.run(call(name)) == ToolResult(False, message, "limit_exceeded")
    assert impatient.run(call("echo", text="next")) == ToolResult(True, "next")


def test_an_unknown_function_is_reported(executor: Executor) -> None:
    result = executor.run(call("ecko"))
    assert result.error_kind == "unknown_function"
    assert result.content.startswith("There is no function ecko. Did you mean echo? The functions")


def test_a_long_error_message_is_cut(executor: Executor) -> None:
    content = executor.run(call("raise_error", characters=10**6)).content
    assert content == f"raise_error: {'x' * 997}..."


# Workers that die


def test_a_worker_has_the_same_process_from_call_to_call(executor: Executor) -> None:
    assert executor.run(call("own_pid")) == executor.run(call("own_pid"))


def test_no_call_fails_when_a_worker_is_killed_between_calls(executor: Executor) -> None:
    pid = int(executor.run(call("own_pid")).content)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(pid))
    assert executor.run(call("echo", text="next")) == ToolResult(True, "next")


def test_no_call_fails_when_a_worker_is_killed_before_it_is_ready() -> None:
    before = set(psutil.Process().children())
    with Executor(toolset, workers=1) as executor:
        assert wait_until(lambda: bool(set(psutil.Process().children()) - before))
        (starting,) = set(psutil.Process().children()) - before
        starting.kill()
        assert executor.run(call("echo", text="5")) == ToolResult(True, "5", None)
        assert executor.metrics().respawns == 1


@pytest.mark.parametrize("name", ["hang", "crash"])
def test_calls_in_other_workers_are_unaffected(name: str) -> None:
    async def beside() -> tuple[ToolResult, list[ToolResult]]:
        bad = asyncio.ensure_future(executor.submit(call(name)))
        good = await asyncio.gather(
            *(executor.submit(call("echo", text=str(i))) for i in range(50))
        )
        return await bad, good

    with Executor(toolset, workers=2, wall_clock_seconds=SECONDS) as executor:
        bad, good = asyncio.run(beside())
    assert not bad.ok
    assert [result.content for result in good] == [str(i) for i in range(50)]


def test_workers_die_with_a_killed_parent() -> None:
    script = """if True:
        import asyncio
        from tests.toolsets.hostile import toolset
        from toolsets import Executor, ToolCall

        async def pids():
            pause = ToolCall("own_pid", {"pause": 1.0}, "")  # longer than a worker's start
            return [r.content for r in await asyncio.gather(*map(executor.submit, [pause] * 2))]

        executor = Executor(toolset, workers=2, wall_clock_seconds=60)
        print(*asyncio.run(pids()), flush=True)
        executor.run(ToolCall("hang", {}, ""))
    """
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(set(pids)) == 2 and all(is_alive(pid) for pid in pids)
    time.sleep(0.2)  # let one of them hang, so that it does not notice the end of its input
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids))
    parent.stdout.close()


# Closing


def test_a_closed_executor_refuses_calls_and_has_no_workers() -> None:
    with Executor(toolset, workers=1) as executor:
        pid = int(executor.run(call("own_pid")).content)
    assert not is_alive(pid)
    executor.close()
    with pytest.raises(RuntimeError, match=r"^the executor is closed$"):
        executor.run(call("echo", text="late"))


def test_closing_fails_running_and_waiting_calls() -> None:
    executor = Executor(toolset, workers=1, wall_clock_seconds=60)
    errors: list[Exception] = []

    def hang() -> None:
        try:
            executor.run(call("hang"))
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=hang) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    executor.close()
    for thread in threads:
        thread.join(5)
    assert [str(error) for error in errors] == ["the executor is closed"] * 3


# Errors for the operator


def test_a_toolset_that_workers_cannot_load_is_refused() -> None:
    unknown = Toolset("mine", toolset.tools)
    with (
        Executor(unknown, workers=1) as executor,
        pytest.raises(ToolsetError, match=r"^a worker cannot load toolset 'mine': toolset 'mine' "),
    ):
        executor.run(call("echo", text="a"))


def test_a_toolset_whose_name_loads_other_functions_is_refused() -> None:
    other = Toolset("arithmetic[add]", toolset.select(["echo"]).tools)
    expected = (
        r"^a worker cannot load toolset 'arithmetic\[add\]': "
        r"it has \['add'\] instead of \['echo'\]$"
    )
    with Executor(other, workers=1) as executor, pytest.raises(ToolsetError, match=expected):
        executor.run(call("echo", text="a"))


@pytest.mark.parametrize("name", ["workers", "wall_clock_seconds", "memory_mib"])
def test_a_limit_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be more than 0, got 0$"):
        Executor(toolset, **{name: 0})
