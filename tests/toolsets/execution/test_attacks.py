"""Each attack of `tests.toolsets.execution.attacks`, beside calls that must not be affected."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolsets
from tests.conftest import ROOT
from tests.toolsets.execution.attacks import functions
from toolsets import CallError, Executor, ToolCall, ToolResult, Toolset
from toolsets.execution.sandbox.confinement import confine

SECONDS = 1.0  # time limit of a hostile call
MOST = 1.2  # times the time limit
SLACK_SECONDS = 0.5  # for a machine under load

NEIGHBOURS = {
    "arithmetic": "add(a=1, b=2)",
    "algebra": "expand(expression='2*(x + 1)')",
    "logic": "negate(formula='P(a)')",
    "constraints": "find_values(variables={'x': 'int 1..2'}, constraints=['x > 1'])",
}
CALLS = [
    pytest.param(name, text, kind, id=f"{name}-{kind}-{number}")
    for name in NEIGHBOURS
    for kind, texts in importlib.import_module(
        f"tests.toolsets.execution.attacks.{name}"
    ).ATTACKS.items()
    for number, text in enumerate(texts)
]


@pytest.fixture(scope="module")
def executors() -> Iterator[dict[str, tuple[Toolset, Executor]]]:
    loaded = {name: toolsets.load(f"toolsets.shipped.{name}:toolset") for name in NEIGHBOURS}
    pools = {name: (toolset, Executor(toolset, workers=2)) for name, toolset in loaded.items()}
    yield pools
    for _, executor in pools.values():
        executor.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder with secrets; its path also marks the workers and their children."""
    home, before = tmp_path_factory.mktemp("home"), os.environ["HOME"]
    (home / "precious").write_text("precious")
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_rsa").write_text("secret")
    os.environ["HOME"] = str(home)
    yield home
    os.environ["HOME"] = before


@pytest.fixture(scope="module")
def hostile(home: Path) -> Iterator[Executor]:
    with Executor(functions.toolset, 2, wall_clock_seconds=SECONDS, memory_mib=256) as executor:
        yield executor
    assert not list(_processes_with(home))


@pytest.fixture(scope="module")
def unblocked() -> list[str]:
    """What this kernel cannot block."""
    script = f"import os; out = os.dup(1); from {confine.__module__} import confine;"
    script += "os.write(out, '\\n'.join(confine()).encode())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_the_corpus_is_large() -> None:
    assert len(CALLS) + len(functions.EXPECTED) >= 400


@pytest.mark.parametrize(("name", "text", "kind"), CALLS)
def test_a_hostile_call_does_not_affect_other_calls(
    executors: dict[str, tuple[Toolset, Executor]], name: str, text: str, kind: str
) -> None:
    toolset, executor = executors[name]
    neighbour = toolset.parse(NEIGHBOURS[name])
    expected = executor.run(neighbour)
    start = time.monotonic()
    try:
        call = toolset.parse(text)
    except CallError as error:
        assert error.kind in kind.split(" or ")
    else:
        result, beside = asyncio.run(_beside(executor, call, neighbour))
        assert (result.error_kind or "ok") in kind.split(" or "), result.content
        assert expected.ok and beside == [expected] * 4
    assert time.monotonic() - start < 5 * MOST


@pytest.mark.parametrize(("what", "kind"), functions.EXPECTED.items())
def test_a_hostile_function_is_stopped(
    hostile: Executor, unblocked: list[str], home: Path, what: str, kind: str
) -> None:
    if functions.NEEDED.get(what) in unblocked:
        pytest.skip(f"this kernel cannot block {functions.NEEDED[what]}")
    echo = ToolCall("echo", {"text": "here"}, "")
    attempt = ToolCall("attempt", {"what": what, "folder": str(home)}, "")
    assert hostile.run(echo).ok
    before = hostile.metrics().busy_seconds
    result, beside = asyncio.run(_beside(hostile, attempt, echo))
    assert (result.error_kind or "ok") == kind, result.content
    assert beside == [ToolResult(True, "here")] * 4
    assert hostile.metrics().busy_seconds - before < MOST * SECONDS + SLACK_SECONDS
    assert hostile.run(echo).ok
    assert sorted(home.iterdir()) == [home / ".ssh", home / "precious"]
    assert (home / "precious").read_text() == "precious"


async def _beside(
    executor: Executor, attack: ToolCall, neighbour: ToolCall
) -> tuple[ToolResult, list[ToolResult]]:
    first = executor.submit(attack)
    beside = await asyncio.gather(*(executor.submit(neighbour) for _ in range(4)))
    return await first, beside


def _processes_with(home: Path) -> Iterator[int]:
    """The other processes with this home folder in their environment."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended, or belongs to another user
            continue
        if f"HOME={home}".encode() in variables and int(process.name) != os.getpid():
            yield int(process.name)
