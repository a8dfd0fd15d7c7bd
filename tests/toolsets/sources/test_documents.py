import keyword
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolsets import CallError, Tool, Toolset, ToolsetError, parse_call
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


def built(schema: dict[str, Any], name: str = "f") -> Tool:
    return tool_of(name, "Do it.", schema, lambda given: given)


def outcome(schema: dict[str, Any], text: str) -> str:
    """The arguments that the server gets, or the message to the model."""
    toolset = Toolset("documents", [built(schema)])
    try:
        return toolset.execute(toolset.parse(text)).content
    except CallError as error:
        return str(error).removeprefix("f: ").partition(". Use:")[0]


STRING, INTEGER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^\p{L}+$", "José", "R2"),
        (r"^[\w-]+\/$", "a-b/", "é/"),
        ("^(a+)+$", "aaa", "b"),
        (r"^\u{1F600}$", "😀", "a"),
        ("^a$", "a", "a\n"),
        (r"^(?<y>\d{4})$", "2024", "24"),
    ],
)
def test_a_pattern_of_another_language_is_checked(pattern: str, good: str, bad: str) -> None:
    schema = {"properties": {"a": STRING | {"pattern": pattern}}}
    assert outcome(schema, f"f({good!r})") == repr({"a": good}).replace('"', "'")
    assert outcome(schema, f"f({bad!r})").startswith("argument a: ")


@pytest.mark.parametrize(
    "place",
    [
        {"type": "object", "patternProperties": {"^(a+)+$": INTEGER}},
        {"type": "object", "patternProperties": {"^(a+)+$": INTEGER}, "additionalProperties": True},
        {"type": "object", "propertyNames": {"pattern": "^(a+)+$"}},
        {"anyOf": [{"type": "object", "patternProperties": {"^(a+)+$": INTEGER}}]}
        | {"unevaluatedProperties": True},
        {"$schema": "http://json-schema.org/draft-07/schema#"}
        | {"type": "object", "propertyNames": {"pattern": "^(a+)+$"}},
    ],
)
def test_no_pattern_hangs_the_caller(place: dict[str, Any]) -> None:
    start = time.monotonic()
    outcome({"properties": {"a": place}}, f"f({{'{'a' * 40}b': 1}})")
    assert time.monotonic() - start < 2


def test_keys_are_checked_by_patterns() -> None:
    place = {"type": "object", "patternProperties": {r"^\p{Lu}": INTEGER}}
    schema = {"properties": {"a": place | {"additionalProperties": False}}}
    assert outcome(schema, "f({'É': 1})") == "{'a': {'É': 1}}"
    assert outcome(schema, "f({'É': 'x'})").startswith("argument a: expected integer at É")
    assert outcome(schema, "f({'e': 1})").startswith("argument a: there is no property 'e'")


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ({"pattern": "^(?=.*[0-9]).+$"}, "the pattern '^(?=.*[0-9]).+$'"),
        ({"pattern": r"(a)\1"}, r"the pattern '(a)\\1'"),
        ({"pattern": "["}, "the pattern '['"),
        ({"patternProperties": {"(?!x)y": {}}}, "the pattern '(?!x)y'"),
        ({"$ref": "#/$defs/nowhere"}, "the reference '#/$defs/nowhere'"),
        ({"$ref": "#/allOf/first"}, "the reference '#/allOf/first'"),
        ({"$ref": "#nowhere"}, "the reference '#nowhere'"),
        ({"$ref": "https://example.com/a"}, "the reference 'https://example.com/a'"),
        ({"$ref": "other.json#/a"}, "the reference 'other.json#/a'"),
        ({"$ref": "#/description"}, "the reference '#/description'"),
        ({"items": {"$ref": "#/$defs/nothing"}}, "the reference '#/$defs/nothing'"),
        ({"anyOf": [{"$ref": "#/$defs/gone"}]}, "the reference '#/$defs/gone'"),
        ({"$dynamicRef": "#gone"}, "the reference '#gone'"),
    ],
)
def test_only_what_cannot_be_checked_is_ignored_and_said_once(
    caplog: pytest.LogCaptureFixture, part: dict[str, Any], what: str
) -> None:
    schema = {
        "description": "All.",
        "properties": {"a": part, "b": INTEGER},
        "allOf": [{}],
    }
    name = f"f{abs(hash(what))}"
    for _ in "ab":
        tool = built(schema, name)
    expected = f"function {name}: {what} in its JSON Schema cannot be checked, and is ignored"
    assert [record.getMessage() for record in caplog.records] == [expected]
    toolset = Toolset("documents", [tool])
    for text in (f"{name}(a='x')", f"{name}(a=[1])", f"{name}(a={{'y': 1}}, b=2)"):
        assert toolset.execute(toolset.parse(text)).ok
    with pytest.raises(CallError, match="argument b: expected integer"):
        toolset.parse(f"{name}(a=1, b='x')")


@pytest.mark.parametrize(
    "definitions",
    [
        {"a": {"$ref": "#/$defs/a"}},
        {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        {"a": {"allOf": [{"$ref": "#/$defs/a"}]}},
        {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}},
    ],
)
def test_a_reference_to_its_own_place_checks_nothing(definitions: dict[str, Any]) -> None:
    schema = {"properties": {"x": {"$ref": "#/$defs/a"}}, "$defs": definitions}
    assert outcome(schema, "f(x=1)") == "{'x': 1}"


@pytest.mark.parametrize(
    ("reference", "definitions"),
    [
        ("#/$defs/a~1b", {"a/b": INTEGER}),
        ("#/$defs/a%20b", {"a b": INTEGER}),
        ("#here", {"a": INTEGER | {"$anchor": "here"}}),
        ("#/$defs/a/anyOf/0", {"a": {"anyOf": [INTEGER, STRING]}}),
    ],
)
def test_every_form_of_reference_is_followed(reference: str, definitions: dict[str, Any]) -> None:
    schema = {"properties": {"x": {"$ref": reference}}, "$defs": definitions}
    assert outcome(schema, "f(x=1)") == "{'x': 1}"
    assert outcome(schema, "f(x='a')") == "argument x: expected integer, got 'a'"


def test_a_part_with_its_own_address_is_the_root_of_its_references() -> None:
    part = {"$id": "https://example.com/a", "$ref": "#/$defs/q", "$defs": {"q": INTEGER}}
    schema = {"properties": {"x": part}}
    assert outcome(schema, "f(x=1)") == "{'x': 1}"
    assert outcome(schema, "f(x='a')") == "argument x: expected integer, got 'a'"


@pytest.mark.parametrize(
    ("step", "good", "bad"),
    [
        (0.01, ["4.02", "0.07", "19.99", "1e2", "-4.02", "0", "1000000.01"], ["4.021", "1e-3"]),
        (0.1, ["0.3", "0.7", "3"], ["0.25"]),
        (1e-9, ["0.000000001", "1.000000003"], ["1e-10"]),
        (2.5, ["7.5", "5"], ["6"]),
        (3, ["9", "9.0", "-3"], ["10", "9.5"]),
    ],
)
def test_a_multiple_is_decided_exactly(step: float, good: list[str], bad: list[str]) -> None:
    schema = {"properties": {"a": {"type": "number", "multipleOf": step}}}
    assert not [text for text in good if "expected" in outcome(schema, f"f(a={text})")]
    for text in bad:
        assert outcome(schema, f"f(a={text})").startswith(
            f"argument a: expected a multiple of {step}"
        )


A, B = {"properties": {"a": INTEGER}, "required": ["a"]}, {"properties": {"b": STRING}}


@pytest.mark.parametrize(
    ("schema", "signature"),
    [
        ({"allOf": [A, B]}, "f(a: integer, b: string (optional))"),
        ({"$ref": "#/$defs/x", "$defs": {"x": A}}, "f(a: integer)"),
        ({"allOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": A}}, "f(a: integer)"),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"allOf": [A, B]}}}, "f(a: integer, b: string (o"),
        ({"anyOf": [A, B]}, "f(a: integer (optional), b: string (optional))"),
        ({"oneOf": [A, A | B]}, "f(a: integer, b: string (optional))"),
        ({"anyOf": [A, {"properties": {"a": STRING}}]}, "f(a: integer or string (optional))"),
        (
            {"properties": {"c": {}}, "oneOf": [A, B]},
            "f(c: any (optional), a: integer (optional), ",
        ),
        ({"if": A, "then": B}, "f(a: integer (optional), b: string (optional))"),
        ({"dependentSchemas": {"a": B}} | A, "f(a: integer, b: string (optional))"),
        ({"type": ["object", "null"], "allOf": [A]}, "f(a: integer)"),
        ({"allOf": [B, {"required": ["z"]}]}, "f(b: string (optional), z: any)"),
    ],
)
def test_the_parameters_behind_the_root_are_shown(schema: dict[str, Any], signature: str) -> None:
    if schema.get("oneOf") == [A, A | B]:
        schema = {
            "oneOf": [A, {"properties": A["properties"] | B["properties"]} | {"required": ["a"]}]
        }
    assert built(schema).signature.startswith(signature)
    assert set(built(schema).parameters) <= {"type", "properties", "required", "dependentSchemas"}


def test_alternatives_are_checked_together() -> None:
    circle = {"properties": {"r": {"type": "number"}}, "required": ["r"]}
    square = {"properties": {"side": {"type": "number"}}, "required": ["side"]}
    schema = {"type": "object", "oneOf": [circle, square]}
    assert outcome(schema, "f(r=1)") == "{'r': 1}"
    assert outcome(schema, "f(side=1)") == "{'side': 1}"
    assert outcome(schema, "f(r=1, side=2)").startswith("expected exactly one of the alternatives")
    assert outcome(schema, "f(r='x')").startswith("expected number at r, got {'r': 'x'}")
    assert outcome(schema, "f()").startswith("'r' is a required property, or 'side' is a requ")
    assert outcome(schema, "f(t=1)") == "there is no argument t"


def test_alternatives_know_the_names_of_the_document() -> None:
    one = {"properties": {"from-day": STRING}, "required": ["from-day"]}
    schema = {"anyOf": [one, {"properties": {"class": INTEGER}, "required": ["class"]}]}
    assert outcome(schema, "f(from_day='x')") == "{'from-day': 'x'}"
    assert outcome(schema, "f(class_=1)") == "{'class': 1}"
    assert outcome(schema, "f(class_='x')").startswith("expected integer at class")


def test_conditions_between_arguments_are_checked() -> None:
    schema = {"properties": {"a": {}, "b": {}}, "dependentRequired": {"a": ["b"]}}
    assert outcome(schema, "f(b=1)") == "{'b': 1}"
    assert outcome(schema, "f(a=1)") == "'b' is a dependency of 'a', got {'a': 1}"


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"properties": {"a": schema}}
    with pytest.raises(ToolsetError, match="nested too deeply"):
        built(schema)
