import os
import signal
import sys
import time
from pathlib import Path

import pytest

import toolsets
from tests.toolsets.sources.mcp import tools
from tests.toolsets.sources.mcp.tools import ENVIRONMENT
from toolsets import CallError, Executor, Limits, ToolResult, ToolsetError
from toolsets.sources import mcp
from toolsets.sources.mcp.session import Session

AWKWARD = tools.awkward
SERVER = [sys.executable, "-m", "tests.toolsets.sources.mcp.awkward_server"]


def run(text: str) -> ToolResult:
    return AWKWARD.execute(AWKWARD.parse(text))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def has_ended(pid: int, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


# The tools of the server


def test_all_pages_of_tools_are_loaded_with_valid_names() -> None:
    names = ("get_weather", "get_weather_2", "class_", "picture", "table", "page")
    assert AWKWARD.tool_names == (*names, "complain", "own_pid", "die", "hang")


def test_parameters_have_valid_names() -> None:
    weather = AWKWARD["get_weather"]
    place = "{'city': string, 'at': {'x': number} (optional)}"
    expected = f"get_weather(place: {place}, from_: string (optional), unit_of_heat: 'C' or 'F' = "
    assert weather.help == f"{expected}'C') - Do get-weather."
    assert "$ref" not in str(weather.parameters)


def test_the_server_gets_its_own_names_and_only_the_given_arguments() -> None:
    assert run("get_weather({'city': 'Rome'}, from_='Monday')").content == (
        "get-weather {'place': {'city': 'Rome'}, 'from': 'Monday'}"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("get_weather()", "argument place is missing"),
        ("get_weather({'city': 'Rome'}, when=1)", "there is no argument when"),
        ("get_weather('Rome')", "argument place: expected object, got 'Rome'"),
        (
            "get_weather({'city': 'Rome', 'at': {'x': 'far'}})",
            "argument place: expected number at at.x, got {'city': 'Rome', 'at': {'x': 'far'}}",
        ),
        (
            "get_weather({'city': 'Rome'}, unit_of_heat='K')",
            "argument unit_of_heat: expected 'C' or 'F', got 'K'",
        ),
        (
            "get_weather({})",
            "argument place: 'city' is a required property, got {}",
        ),
    ],
)
def test_an_invalid_argument_is_refused_without_calling_the_server(text: str, reason: str) -> None:
    with pytest.raises(CallError) as caught:
        AWKWARD.parse(text)
    assert str(caught.value).startswith(f"get_weather: {reason}. Use: get_weather(place: {{")


# Results as text for the model


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("picture()", "Two:\n[image: image/png, 3,000 bytes]\n[image: image/png, 3,000 bytes]"),
        ("table()", '{"rows": [1, 2]}'),
        ("page()", "All of the page\n[resource: file:///next.txt]"),
        ("class_()", "class {}"),
    ],
)
def test_a_result_becomes_text(text: str, content: str) -> None:
    assert run(text) == ToolResult(True, content)


def test_an_error_result_of_the_server_fails_the_call() -> None:
    expected = ToolResult(False, "complain: there is no such place", "function_error")
    assert run("complain()") == expected


def test_a_server_that_dies_fails_the_call_and_is_restarted() -> None:
    first = int(run("own_pid()").content)
    expected = ToolResult(False, "die: the MCP server has ended", "function_error")
    assert run("die()") == expected
    second = int(run("own_pid()").content)
    assert first != second
    os.kill(second, signal.SIGKILL)
    assert has_ended(second)
    assert run("own_pid()").content == "own_pid: the MCP server has ended"
    assert run("class_()") == ToolResult(True, "class {}")


# In an executor


def test_each_worker_has_one_server_that_ends_with_it() -> None:
    toolset = toolsets.load("tests.toolsets.sources.mcp.tools:awkward")
    with Executor(toolset, workers=1, wall_clock_seconds=2) as executor:
        first, again = (int(executor.run(toolset.parse("own_pid()")).content) for _ in "ab")
        assert first == again != int(run("own_pid()").content)
        expected = ToolResult(False, "hang: took longer than 2 s", "limit_exceeded")
        assert executor.run(toolset.parse("hang()")) == expected
        assert has_ended(first)
        second = int(executor.run(toolset.parse("own_pid()")).content)
        assert is_alive(second)
    assert has_ended(second)


@pytest.mark.parametrize("name", ["arithmetic[add]+{}:awkward", "{}:mixed"])
def test_a_server_does_not_free_the_functions_that_it_is_joined_to(name: str) -> None:
    toolset = toolsets.load(name.format("tests.toolsets.sources.mcp.tools"))
    assert not toolset["add"].unconfined and toolset["own_pid"].unconfined
    with Executor(toolset, workers=1) as executor:
        for _ in range(3):
            assert executor.run(toolset.parse("add(a=1, b=2)")).content == "3"
            assert executor.run(toolset.parse("class_()")).content == "class {}"
        assert executor.metrics().respawns == 0
        assert executor.metrics().calls == 6


def test_the_toolset_is_unconfined_and_has_the_given_limits() -> None:
    ours = toolsets.load("tests.toolsets.sources.mcp.tools:ours[add as plus]")
    assert ours.unconfined
    assert ours["plus"].limits == Limits(wall_clock_seconds=20)


def test_our_own_server_returns_the_same_results_as_the_toolset() -> None:
    ours = toolsets.load("tests.toolsets.sources.mcp.tools:ours")
    arithmetic = toolsets.load("arithmetic")
    assert ours.tool_names == arithmetic.tool_names
    for tool in arithmetic.tools:
        assert ours[tool.name].signature == tool.signature
        call = ours.parse(tool.example)
        assert ours.execute(call).content == arithmetic.execute(call).content
    assert ours.execute(ours.parse("divide(1, 0)")) == ToolResult(
        False, "divide: b must not be 0", "function_error"
    )


# Servers that cannot be used


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-server --now", "cannot be started: program not found"),
        ("", "cannot be started: program not found"),
        ([*SERVER, "broken"], "fails: Connection closed; try the command in a terminal"),
        ([*SERVER, "wrong"], "function wrong has an invalid JSON Schema, at properties/a/type"),
    ],
)
def test_an_unusable_server_raises_toolset_error(command: str | list[str], reason: str) -> None:
    with pytest.raises(ToolsetError) as caught:
        mcp.toolset(command, env=ENVIRONMENT)
    message = str(caught.value)
    assert message.startswith("MCP server '")
    assert reason in message


def test_a_server_that_never_answers_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with pytest.raises(TimeoutError):
        Session([*SERVER, "silent", str(file)], dict(ENVIRONMENT), start_seconds=8.0)
    assert has_ended(int(file.read_text()))
