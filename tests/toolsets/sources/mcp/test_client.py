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


def said(text: str) -> ToolResult:
    return AWKWARD.execute(AWKWARD.parse(text))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ends(pid: int, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(pid)


# What the server offers


def test_all_pages_of_tools_are_there_under_names_that_a_call_can_have() -> None:
    names = ("get_weather", "get_weather_2", "class_", "picture", "table", "page")
    assert AWKWARD.tool_names == (*names, "complain", "own_pid", "die", "hang")


def test_parameters_have_names_that_a_call_can_have() -> None:
    weather = AWKWARD["get_weather"]
    place = "{'city': string, 'at': {'x': number} (optional)}"
    expected = f"get_weather(place: {place}, from_: string (optional), unit_of_heat: 'C' or 'F' = "
    assert weather.help == f"{expected}'C') - Do get-weather."
    assert "$ref" not in str(weather.parameters)


def test_the_server_gets_its_own_names_and_only_what_was_given() -> None:
    assert said("get_weather({'city': 'Rome'}, from_='Monday')").content == (
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
def test_a_wrong_argument_is_told_before_the_server_is_asked(text: str, reason: str) -> None:
    with pytest.raises(CallError) as caught:
        AWKWARD.parse(text)
    assert str(caught.value).startswith(f"get_weather: {reason}. Use: get_weather(place: {{")


# What the model reads


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
    assert said(text) == ToolResult(True, content)


def test_an_error_of_the_server_fails_the_call() -> None:
    expected = ToolResult(False, "complain: there is no such place", "function_error")
    assert said("complain()") == expected


def test_a_server_that_dies_fails_the_call_and_is_started_anew() -> None:
    first = int(said("own_pid()").content)
    expected = ToolResult(False, "die: the MCP server has ended", "function_error")
    assert said("die()") == expected
    second = int(said("own_pid()").content)
    assert first != second
    os.kill(second, signal.SIGKILL)
    assert ends(second)
    assert said("own_pid()").content == "own_pid: the MCP server has ended"
    assert said("class_()") == ToolResult(True, "class {}")


# In an executor


def test_each_worker_has_one_server_that_ends_with_it() -> None:
    toolset = toolsets.load("tests.toolsets.sources.mcp.tools:awkward")
    with Executor(toolset, workers=1, wall_clock_seconds=2) as executor:
        first, again = (int(executor.run(toolset.parse("own_pid()")).content) for _ in "ab")
        assert first == again != int(said("own_pid()").content)
        expected = ToolResult(False, "hang: took longer than 2 s", "limit_exceeded")
        assert executor.run(toolset.parse("hang()")) == expected
        assert ends(first)
        second = int(executor.run(toolset.parse("own_pid()")).content)
        assert is_alive(second)
    assert ends(second)


def test_it_is_unconfined_and_has_the_limits_that_were_given() -> None:
    ours = toolsets.load("tests.toolsets.sources.mcp.tools:ours[add as plus]")
    assert ours.unconfined
    assert ours["plus"].limits == Limits(wall_clock_seconds=20)


def test_our_own_server_gives_what_the_toolset_gives() -> None:
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


# Servers that are none


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-server --now", "cannot be started: there is no such program"),
        ("", "cannot be started: there is no such program"),
        ([*SERVER, "broken"], "fails: Connection closed; try the command by itself"),
        ([*SERVER, "wrong"], "function wrong has no valid JSON Schema, at properties/a/type: "),
    ],
)
def test_a_server_that_cannot_be_used_is_told(command: str | list[str], reason: str) -> None:
    with pytest.raises(ToolsetError) as caught:
        mcp.toolset(command, env=ENVIRONMENT)
    message = str(caught.value)
    assert message.startswith("MCP server '")
    assert reason in message


def test_a_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with pytest.raises(TimeoutError):
        Session([*SERVER, "silent", str(file)], dict(ENVIRONMENT), start_seconds=4.0)
    assert ends(int(file.read_text()))
