import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolsets import ToolsetError, parse_call
from toolsets.sources.documents import names_for, tool_of


@pytest.mark.parametrize(
    ("names", "identifiers"),
    [
        (["add", "_x"], ["add", "_x"]),
        (["get-weather", "get_weather", "get.weather"], ["get_weather", *"23"]),
        (["class", "from"], ["class_", "from_"]),
        (["2nd", "", "a b/c"], ["_2nd", "_", "a_b_c"]),
        (["größe"], ["größe"]),
    ],
)
def test_a_name_is_replaced_only_if_a_call_cannot_use_it(
    names: list[str], identifiers: list[str]
) -> None:
    expected = [f"get_weather_{name}" if name in "23" else name for name in identifiers]
    assert list(names_for(names).values()) == expected


@given(st.lists(st.text(), unique=True, max_size=5))
def test_names_are_unique_identifiers(names: list[str]) -> None:
    identifiers = list(names_for(names).values())
    assert len(set(identifiers)) == len(names)
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in identifiers)
    for name in identifiers:
        assert parse_call(f"f({name}=1)").keywords == {name: 1}


def test_the_function_gets_only_the_given_arguments() -> None:
    schema = {"properties": {"a": {}, "the-b": {"default": 3}, "c": {"type": "null"}}}
    tool = tool_of("f", "Do it.", schema, lambda given: given)
    assert tool.help == "f(a: any (optional), the_b: any = 3, c: None (optional)) - Do it."
    assert tool(a=1) == {"a": 1}
    assert tool(the_b=None, c=None) == {"the-b": None, "c": None}


def test_a_recursive_schema_is_checked_but_not_written_out() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}}
    schema = {"properties": {"tree": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": tree}}
    tool = tool_of("f", "", schema, lambda given: given)
    assert tool.help == "f(tree: any (optional)) - f"
    assert tool.arguments.model_validate({"tree": {"left": {"left": {}}}})
    with pytest.raises(ValueError, match=r"expected object at left\.left"):
        tool.arguments.model_validate({"tree": {"left": {"left": 1}}})


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "string"}, "function f has a JSON Schema of type string; expected object"),
        ({"properties": []}, "function f has an invalid JSON Schema, at properties: [] is not"),
    ],
)
def test_an_invalid_schema_is_refused(schema: dict[str, object], reason: str) -> None:
    with pytest.raises(ToolsetError) as caught:
        tool_of("f", "Do it.", schema, lambda given: given)
    assert str(caught.value).startswith(reason)
