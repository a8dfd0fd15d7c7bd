import asyncio
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import pytest
from pydantic import BaseModel

from toolsets import ChainState, Executor, ToolCall, ToolResult, Toolset, tool


@tool
def put(name: str, value: Any, state: ChainState) -> str:
    """Store a value under a name."""
    state[name] = value
    return f"{name} is kept"


@tool
def recall(name: str, state: ChainState) -> Any:
    """Return the value stored under a name."""
    return state[name]


@tool
def spoil(state: ChainState, how: str) -> str:
    """Store a value that a state must not contain."""
    state["kept"] = {
        "tuple": (1, 2),
        "key": {1: 2},
        "set": {1},
        "nan": float("nan"),
        "long": "x" * 100_000,
        "itself": state,
    }[how]
    return "spoilt"


@tool
def lose(state: ChainState) -> None:
    """Change the state and fail."""
    state.clear()
    raise ValueError("it is lost")


@tool
async def wait(seconds: float) -> str:
    """Wait some seconds."""
    await asyncio.sleep(seconds)
    return "waited"


@tool(output_characters=20_000)
def write(characters: int) -> str:
    """Write a text of some length."""
    return "x" * characters


toolset = Toolset(
    "tests.toolsets.tools.test_running:toolset", [put, recall, spoil, lose, wait, write]
)


def run(function: str, state: dict[str, Any] | None = None, /, **arguments: Any) -> ToolResult:
    return toolset.execute(ToolCall(function, arguments, "", state))


def test_a_chain_starts_with_an_empty_state() -> None:
    result = run("put", name="a", value=1)
    assert result == ToolResult(True, "a is kept", state={"a": 1})


def test_state_is_passed_from_call_to_call() -> None:
    first = run("put", name="a", value=[1, {"b": None}])
    second = run("put", first.state, name="b", value=2)
    assert run("recall", second.state, name="a") == ToolResult(
        True, "[1, {'b': None}]", state={"a": [1, {"b": None}], "b": 2}
    )


def test_the_given_state_is_not_changed() -> None:
    before = {"a": [1]}
    assert run("put", before, name="a", value=2).state == {"a": 2}
    assert before == {"a": [1]}


def test_a_failed_call_returns_no_state() -> None:
    assert run("lose", {"a": 1}) == ToolResult(False, "lose: it is lost", "function_error")


@pytest.mark.parametrize("how", ["tuple", "key", "set", "nan", "itself"])
def test_a_state_that_is_not_json_fails_the_call(how: str) -> None:
    message = "spoil: the state must hold JSON values only: no tuples, sets or objects"
    assert run("spoil", how=how) == ToolResult(False, message, "function_error")


def test_a_state_that_is_too_long_fails_the_call() -> None:
    message = "spoil: the state is longer than 100,000 characters"
    assert run("spoil", how="long") == ToolResult(False, message, "limit_exceeded")


def test_a_function_without_state_returns_no_state() -> None:
    assert run("write", {"a": 1}, characters=1).state is None


def test_the_state_does_not_count_when_calls_are_compared() -> None:
    assert ToolCall("put", {}, "", {"a": 1}) == ToolCall("put", {}, "")
    assert toolset.parse("put('a', 1)").state is None


def test_an_async_function_is_awaited() -> None:
    assert run("wait", seconds=0.01) == ToolResult(True, "waited")


def test_a_tool_may_have_its_own_output_limit() -> None:
    assert run("write", characters=20_000).ok
    message = "write: the result is longer than 20,000 characters"
    assert run("write", characters=20_001) == ToolResult(False, message, "limit_exceeded")


class Unit(Enum):
    KM = "km"


@dataclass
class Point:
    x: Fraction
    unit: Unit


class Place(BaseModel):
    name: str
    points: list[Point]


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (Unit.KM, "km"),
        ([Unit.KM, "a"], "[km, a]"),
        ({"a": Fraction(1, 2), 2: ["b", None]}, "{'a': 0.5, 2: ['b', None]}"),
        (Point(Fraction(1, 3), Unit.KM), "{'x': 0.333333333333333, 'unit': 'km'}"),
        (
            Place(name="Rome", points=[Point(Fraction(2), Unit.KM)]),
            "{'name': 'Rome', 'points': [{'x': 2, 'unit': 'km'}]}",
        ),
    ],
)
def test_a_structured_value_is_written_with_its_fields(value: object, content: str) -> None:
    @tool
    def give() -> object:
        """Give the value."""
        return value

    assert Toolset("given", (give,)).execute(ToolCall("give", {}, "")).content == content


def test_state_and_async_functions_work_in_any_worker() -> None:
    with Executor(toolset, workers=2) as executor:
        state = None
        for number in range(4):
            call = ToolCall("put", {"name": str(number), "value": number}, "", state)
            state = executor.run(call).state
        assert state == {"0": 0, "1": 1, "2": 2, "3": 3}
        assert executor.run(ToolCall("lose", {}, "", state)).state is None
        assert executor.run(ToolCall("wait", {"seconds": 0.01}, "")).content == "waited"
        assert executor.run(ToolCall("write", {"characters": 20_000}, "")).ok
