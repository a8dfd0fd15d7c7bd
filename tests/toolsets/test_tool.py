from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import pytest

from toolsets import Number, ToolsetError, tool


@tool
def scale(value: Number, factors: list[Number], mode: Literal["up", "down"] = "up") -> Number:
    """Scale a value.

    More than the model needs to know.

    Example:
        scale(value=2, factors=[3, 4])
        scale(value=1, factors=[])
    """
    return value


def test_name_description_and_example_come_from_the_function() -> None:
    assert scale.name == "scale"
    assert scale.description == "Scale a value."
    assert scale.example == "scale(value=2, factors=[3, 4])"
    assert scale.parameter_names == ("value", "factors", "mode")


def test_parameters_are_a_json_schema() -> None:
    assert scale.parameters == {
        "type": "object",
        "properties": {
            "value": {"type": "number"},
            "factors": {"type": "array", "items": {"type": "number"}},
            "mode": {"type": "string", "enum": ["up", "down"], "default": "up"},
        },
        "required": ["value", "factors"],
        "additionalProperties": False,
    }


def test_help_is_one_line() -> None:
    assert scale.help == (
        "scale(value: number, factors: list of number, mode: 'up' or 'down') - Scale a value. "
        "Example: scale(value=2, factors=[3, 4])"
    )


def test_help_without_an_example_ends_with_the_description() -> None:
    @tool
    def stop(when: int | str) -> None:
        """Stop."""

    assert stop.help == "stop(when: integer or string) - Stop."


def test_schema_is_what_openai_and_chat_templates_take() -> None:
    function = {
        "name": "scale",
        "description": "Scale a value.",
        "parameters": scale.parameters,
    }
    assert scale.schema() == {"type": "function", "function": function}


def test_a_tool_is_still_a_function() -> None:
    assert scale(Fraction(2), factors=[]) == 2


def test_a_title_that_is_a_parameter_is_kept() -> None:
    @tool
    def find(title: str) -> str:
        """Find a book."""
        return title

    assert find.parameters["properties"] == {"title": {"type": "string"}}


def test_a_default_is_read_like_an_argument() -> None:
    @tool
    def increase(value: Number, by: Number = 1) -> Number:  # pyright: ignore[reportArgumentType]
        """Increase a value."""
        return value + by

    default = increase.arguments.model_validate({"value": 2}).by  # pyright: ignore
    assert (type(default), default) == (Fraction, 1)


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


async def slow(a: int) -> int:
    """Take time."""
    return a


def unknown(a: "Nowhere") -> int:  # noqa: F821  # pyright: ignore
    """Take the unknown."""
    return 0


@pytest.mark.parametrize(
    ("function", "mend"),
    [
        (silent, "has no docstring; say in one line what it does"),
        (untyped, "has no type for parameter a; annotate it"),
        (packed, "takes *a; name each parameter"),
        (keyed, "takes *a; name each parameter"),
        (positional, "cannot be given a by name; rename it, without a /"),
        (hidden, "cannot be given _a by name; rename it, without a /"),
        (slow, "is async; make it a plain function"),
        (unknown, "has an unknown type: name 'Nowhere' is not defined; import it"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused(
    function: Callable[..., Any], mend: str
) -> None:
    with pytest.raises(ToolsetError) as caught:
        tool(function)
    assert str(caught.value) == f"{__file__}: function {function.__name__} {mend}"


@pytest.mark.parametrize("function", [formless, shapeless])
def test_a_type_without_a_json_form_is_refused(function: Callable[..., Any]) -> None:
    name = function.__name__
    with pytest.raises(ToolsetError, match=f"function {name} has a parameter without a JSON"):
        tool(function)
