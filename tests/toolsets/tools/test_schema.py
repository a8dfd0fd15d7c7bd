from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from toolsets import CallError, Toolset, tool
from toolsets.tools.schema import flat, signature


class Unit(Enum):
    """A unit of length."""

    KM = "km"
    MI = "mi"


@dataclass
class Point:
    x: float
    y: float = 0.0


class Place(BaseModel):
    """Where something is."""

    title: str = Field(description="What it is called.")
    point: Point
    unit: Unit = Unit.KM


class Film(TypedDict):
    name: str
    year: NotRequired[int]


@tool
def go(place: Place, by: list[Film], back: Place | None = None) -> str:
    """Go to a place."""
    assert isinstance(place, Place) and isinstance(place.point, Point)
    return f"{place.title} {place.point} {place.unit} {by} {back}"


PLACE = {
    "type": "object",
    "description": "Where something is.",
    "properties": {
        "title": {"type": "string", "description": "What it is called."},
        "point": {
            "type": "object",
            "properties": {"x": {"type": "number"}, "y": {"type": "number", "default": 0.0}},
            "required": ["x"],
        },
        "unit": {
            "type": "string",
            "enum": ["km", "mi"],
            "description": "A unit of length.",
            "default": "km",
        },
    },
    "required": ["title", "point"],
}


def without_extra(schema: Any) -> Any:
    """`schema` without pydantic's `additionalProperties`."""
    if isinstance(schema, dict):
        return {k: without_extra(v) for k, v in schema.items() if k != "additionalProperties"}
    return [without_extra(item) for item in schema] if isinstance(schema, list) else schema


def test_references_are_replaced_by_their_definitions() -> None:
    properties = without_extra(go.parameters)["properties"]
    assert "$ref" not in str(go.parameters) and "$defs" not in str(go.parameters)
    assert properties["place"] == PLACE
    assert properties["back"] == {"anyOf": [PLACE, {"type": "null"}], "default": None}


def test_the_signature_is_written_out() -> None:
    place = (
        "{'title': string, 'point': {'x': number, 'y': number = 0.0}, 'unit': 'km' or 'mi' = 'km'}"
    )
    film = "{'name': string, 'year': integer (optional)}"
    expected = f"go(place: {place}, by: list of {film}, back: {place} or None = None)"
    assert go.signature == expected


def test_a_nested_argument_becomes_the_nested_type() -> None:
    toolset = Toolset("travel", [go])
    call = toolset.parse("go({'title': 'Rome', 'point': {'x': 1}}, by=[{'name': 'Solaris'}])")
    expected = "Rome Point(x=1.0, y=0.0) Unit.KM [{'name': 'Solaris'}] None"
    assert toolset.execute(call).content == expected


def test_an_error_in_a_nested_argument_has_its_path() -> None:
    with pytest.raises(CallError) as caught:
        Toolset("travel", [go]).parse("go({'title': 'Rome', 'point': {'y': 'a'}}, [])")
    assert str(caught.value).startswith("go: argument place.point.x is missing. Use: go(place: {")


def test_every_type_has_a_form_in_the_signature() -> None:
    @tool
    def take(
        a: int | float,
        b: tuple[int, str],
        c: dict[str, int],
        d: dict[str, Any],
        e: Any,
        f: Literal["x"],
        g: set[str],
        h: Annotated[int, Field(ge=0, description="How many.")] = 3,
        i: date = date(2024, 2, 29),
        j: bool = True,
    ) -> None:
        """Take all kinds."""

    assert take.signature == (
        "take(a: number, b: [integer, string], c: dict of integer, d: object, e: any, f: 'x', "
        "g: list of string, h: integer = 3, i: string = '2024-02-29', j: boolean = True)"
    )
    assert take.parameters["properties"]["h"] == {
        "type": "integer",
        "minimum": 0,
        "description": "How many.",
        "default": 3,
    }


def test_an_external_schema_may_have_several_types_and_no_default() -> None:
    schema = {"properties": {"a": {"type": ["string", "null"]}, "b": {}}, "required": ["b"]}
    assert signature("f", schema) == "f(a: string or None (optional), b: any)"


def test_an_external_schema_may_have_definitions_anywhere_and_true_for_any_value() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/definitions/size", "description": "How big."},
            "b": True,
            "c": {"type": "array", "items": True},
            "d": {"allOf": [{"$ref": "#/properties/a"}]},
        },
        "definitions": {"size": {"type": "integer", "title": "Size"}},
    }
    size = {"type": "integer", "description": "How big."}
    properties = {
        "a": size,
        "b": True,
        "c": {"type": "array", "items": True},
        "d": {"allOf": [size]},
    }
    assert flat(schema) == {"type": "object", "properties": properties}
    expected = "f(a: integer (optional), b: any (optional), c: list of any (optional), d: integer"
    assert signature("f", flat(schema)) == f"{expected} (optional))"


@pytest.mark.parametrize("reference", ["#/$defs/nowhere", "https://example.com/schema"])
def test_an_unknown_reference_raises_key_error(reference: str) -> None:
    with pytest.raises(KeyError):
        flat({"properties": {"a": {"$ref": reference}}})
