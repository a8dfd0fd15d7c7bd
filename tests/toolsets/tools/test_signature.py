"""Functions that cannot be tools: each error names file, function and fix."""

from collections.abc import AsyncIterator, Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from pydantic import BaseModel

from toolsets import ChainState, Number, ToolsetError, tool

NOT_BY_NAME = "cannot be passed by name; remove the / or the leading underscore"


def plain(a: int) -> int:
    """Take a number."""
    return a


def silent(a: int) -> int:
    return a


def untyped(a) -> int:  # pyright: ignore
    """Take what comes."""
    return a


def packed(*a: int) -> int:
    """Take many."""
    return len(a)


def keyed(**a: int) -> int:
    """Take many."""
    return len(a)


def positional(a: int, /) -> int:
    """Take one by place."""
    return a


def hidden(_a: int) -> int:
    """Take a hidden one."""
    return _a


def formless(a: Callable[[], int]) -> int:
    """Take a function."""
    return a()


def shapeless(a: int | range) -> int:
    """Take a range."""
    return 0


def several(a: int) -> Iterator[int]:
    """Give several."""
    yield a


async def several_slowly(a: int) -> AsyncIterator[int]:
    """Give several."""
    yield a


class Node(BaseModel):
    nodes: list["Node"]


def endless(a: Node) -> int:
    """Take a tree."""
    return 0


def unlike(a: int, b: str = None) -> int:  # noqa: RUF013  # pyright: ignore
    """Take a text."""
    return a


def unwritable(a: int, b: Any = object) -> int:
    """Take anything."""
    return a


def unending(a: float = float("inf")) -> int:
    """Take a number."""
    return 0


def inexact(a: Number = Fraction(1, 3)) -> int:
    """Take a number."""
    return 0


def forgetful(a: ChainState, b: ChainState) -> int:
    """Keep two states."""
    return 0


def misnamed(a: int) -> int:
    """Take a number.

    Example:
        named(a=1)
    """
    return a


def misused(a: int) -> int:
    """Take a number.

    Example:
        misused(a="x")
    """
    return a


def unread(a: list[int]) -> int:
    """Take numbers.

    Example:
        unread(a=[1,
            2])
    """
    return 0


def unknown(a: "Nowhere") -> int:  # noqa: F821  # pyright: ignore
    """Take the unknown."""
    return 0


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (silent, "has no docstring; add one line that says what it does"),
        (untyped, "has no type for parameter a; annotate it"),
        (packed, "takes *a; name each parameter"),
        (keyed, "takes *a; name each parameter"),
        (positional, f"has a parameter a that {NOT_BY_NAME}"),
        (hidden, f"has a parameter _a that {NOT_BY_NAME}"),
        (several, "is a generator; return one value instead"),
        (several_slowly, "is a generator; return one value instead"),
        (endless, "has a parameter whose type Node is recursive; flatten it"),
        (
            unlike,
            "has a default for parameter b that does not fit its type: input should be a valid "
            "string, got None; correct one of them",
        ),
        (
            unwritable,
            "has a default for parameter b that is not JSON: Unable to serialize unknown type: "
            "<class 'type'>; choose a plain value",
        ),
        (
            unending,
            "has a default for parameter a that is not JSON: Out of range float values are not "
            "JSON compliant; choose a plain value",
        ),
        (
            inexact,
            "has a default for parameter a that is not JSON: 1/3 has no exact decimal form; "
            "choose a plain value",
        ),
        (forgetful, "takes the chain's state twice; keep one of ['a', 'b']"),
        (
            misnamed,
            "has an example that is not a valid call of it: 'named(a=1)': it calls named",
        ),
        (
            misused,
            "has an example that is not a valid call of it: 'misused(a=\"x\")': misused: argument "
            "a: input should be a valid integer, unable to parse string as an integer, got 'x'. "
            "Use: misused(a: integer)",
        ),
        (unknown, "has an unknown type: name 'Nowhere' is not defined; import it"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused(
    function: Callable[..., Any], reason: str
) -> None:
    with pytest.raises(ToolsetError) as caught:
        tool(function)
    assert str(caught.value) == f"{__file__}: function {function.__name__} {reason}"


@pytest.mark.parametrize("function", [formless, shapeless])
def test_a_type_without_a_json_form_is_refused(function: Callable[..., Any]) -> None:
    name = function.__name__
    with pytest.raises(ToolsetError, match=f"function {name} has a parameter without a JSON"):
        tool(function)


def test_an_example_that_does_not_end_on_its_line_is_refused() -> None:
    with pytest.raises(ToolsetError, match=r"is not a valid call of it: 'unread\(a=\[1,'"):
        tool(unread)


@pytest.mark.parametrize("thing", [len, Node, tool(plain)])
def test_a_value_that_is_not_a_plain_function_is_refused(thing: Callable[..., Any]) -> None:
    with pytest.raises(ToolsetError) as caught:
        tool(thing)
    assert str(caught.value) == f"{thing!r} is not a plain function; write a function that calls it"
