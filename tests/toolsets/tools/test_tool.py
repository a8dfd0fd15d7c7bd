from fractions import Fraction
from typing import Literal

import pytest

from toolsets import ChainState, Limits, Number, ToolsetError, tool


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
        "scale(value: number, factors: list of number, mode: 'up' or 'down' = 'up') - "
        "Scale a value. Example: scale(value=2, factors=[3, 4])"
    )


def test_help_without_an_example_ends_with_the_description() -> None:
    @tool
    def stop(when: int | str) -> None:
        """Stop."""

    assert stop.help == "stop(when: integer or string) - Stop."


def test_schema_has_the_format_of_openai_and_chat_templates() -> None:
    function = {
        "name": "scale",
        "description": "Scale a value.",
        "parameters": scale.parameters,
    }
    assert scale.schema() == {"type": "function", "function": function}


def test_a_tool_is_still_a_function() -> None:
    assert scale(Fraction(2), factors=[]) == 2


def test_a_parameter_may_be_named_title() -> None:
    @tool
    def find(title: str) -> str:
        """Find a book."""
        return title

    assert find.parameters["properties"] == {"title": {"type": "string"}}


def test_a_default_is_converted_like_an_argument() -> None:
    @tool
    def increase(value: Number, by: Number = 1) -> Number:  # pyright: ignore[reportArgumentType]
        """Increase a value."""
        return value + by

    default = increase.arguments.model_validate({"value": 2}).by  # pyright: ignore
    assert (type(default), default) == (Fraction, 1)


# Limits and state


def test_a_tool_has_its_own_limits_only_if_given() -> None:
    assert scale.limits == Limits(None, None, None)

    @tool(wall_clock_seconds=20, memory_mib=1024, output_characters=50_000)
    def search(text: str) -> str:
        """Search a text."""
        return text

    assert search.limits == Limits(20, 1024, 50_000)
    assert search.name == "search"


@pytest.mark.parametrize("name", ["wall_clock_seconds", "memory_mib", "output_characters"])
def test_a_limit_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ToolsetError, match=f"^{name} must be more than 0, got 0$"):
        tool(**{name: 0})


def test_the_model_does_not_see_the_state_of_the_chain() -> None:
    @tool
    def note(text: str, state: ChainState, times: int = 1) -> str:
        """Note a text."""
        return text

    assert note.help == "note(text: string, times: integer = 1) - Note a text."
    assert note.parameter_names == ("text", "times")
    assert note.state_parameter == "state"
    assert scale.state_parameter is None


# Names


def test_a_renamed_tool_has_its_new_name_in_its_example() -> None:
    enlarge = scale.renamed("enlarge")
    assert enlarge.name == "enlarge"
    assert enlarge.example == "enlarge(value=2, factors=[3, 4])"
    assert scale.name == "scale"


def test_a_parameter_may_be_named_like_an_attribute_of_a_pydantic_model() -> None:
    @tool
    def read(json: str, copy: bool, model_config: int = 3) -> str:
        """Read a text."""
        return json

    assert read.parameter_names == ("json", "copy", "model_config")
    assert read.signature == "read(json: string, copy: boolean, model_config: integer = 3)"


def test_schema_for_mcp() -> None:
    assert scale.mcp_schema() == {
        "name": "scale",
        "description": "Scale a value.",
        "inputSchema": scale.parameters,
    }
