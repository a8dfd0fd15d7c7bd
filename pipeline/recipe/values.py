"""Values of recipes: YAML, read by the type of the field that they are for.

Where a field is text, its value is the text as it stands: `no`, `010` and, on the command line,
`data #1.csv`. Elsewhere the scalars are those of YAML 1.2's core schema: true, false, null, decimal
numbers, so that 010 is 10. Where a field takes any value (`teacher.engine`), a scalar that YAML 1.1
reads in another way (`yes`, `010`, `1:30`, a date) is refused.

Not here: the fields (`pipeline.recipe.load` and the sections).
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml

from pipeline.recipe.section import Section

NULLS = ("", "~", "null", "Null", "NULL")

_TAG = "tag:yaml.org,2002:"
_NUMBER = r"(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_CORE = {  # the first that matches; all others are text
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0x[0-9a-fA-F]+",
    "float": rf"[-+]?(?:{_NUMBER}|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
    "null": r"~|null|Null|NULL|",
    "merge": r"<<",
}


class Unclear(Exception):
    """A value that cannot be used; the message follows its key or file."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: Any = {}  # noqa: RUF012  # those of _CORE only


def _whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = node.value
    return int(text, 16) if text.startswith("0x") else int(text, 10)


for _name, _pattern in _CORE.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), None)
_Loader.add_constructor(f"{_TAG}int", _whole_number)


def load_yaml(text: str, annotation: Any) -> Any:
    """Parse a YAML document for a field of type `annotation` (None: unknown); raises YAMLError, and
    Unclear for a mapping with a key twice or a value that can be read in two ways."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        _refuse_repeated_keys(root, "", set())
        if root is not None:
            _as_typed(root, annotation, "", set())
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def read_value(text: str, annotation: Any) -> Any:
    """Read the text of `key=value` for a field of type `annotation`; raises as `load_yaml`.

    For a field that is text it is YAML only in quotes or, if the field may be a list too, in
    brackets.
    """
    if not _is_text(annotation):
        return load_yaml(text, annotation)
    text = text.strip()
    if text == "" or (text in NULLS and types.NoneType in _members(annotation)):
        return None
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    listed = text[0] == "[" and text[-1] == "]" and _member(annotation, list, tuple) is not None
    if quoted or listed:
        return load_yaml(text, annotation)
    return text


def type_at(section: type[Section], key: str) -> Any:
    """The type of the field at a dotted key; None if there is none."""
    annotation: Any = section
    for part in key.split("."):
        if inner := _member(annotation, Section):
            field = inner.model_fields.get(part)
            annotation = None if field is None else field.annotation
        elif mapping := _member(annotation, dict):
            annotation = get_args(mapping)[1]
        else:
            return None
    return annotation


def _members(annotation: Any) -> list[Any]:
    """The types of a union; of another type, itself."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for inner in get_args(annotation) for member in _members(inner)]
    return [annotation]


def _member(annotation: Any, *kinds: type) -> Any:
    """The member of a union that is one of `kinds`; None without one."""
    for member in _members(annotation):
        origin = get_origin(member) or member
        if isinstance(origin, type) and issubclass(origin, kinds):
            return member
    return None


def _is_text(annotation: Any) -> bool:
    """Whether a scalar of this type can only be text or null."""
    scalars = [
        member
        for member in _members(annotation)
        if member is not types.NoneType and _member(member, list, tuple, dict, Section) is None
    ]
    return bool(scalars) and all(
        member is str
        or (get_origin(member) is Literal and all(isinstance(v, str) for v in get_args(member)))
        for member in scalars
    )


def _as_typed(node: yaml.Node, annotation: Any, prefix: str, visited: set[int]) -> None:
    """Make scalars below `node` text where their field is text; raise Unclear where it is open."""
    if id(node) in visited:  # an alias
        return
    visited.add(id(node))
    if isinstance(node, yaml.ScalarNode) and node.style is None:
        _scalar_as_typed(node, annotation, prefix)
    elif isinstance(node, yaml.SequenceNode):
        items = _member(annotation, list, tuple)
        inner = annotation if annotation is Any else items and (get_args(items) or (None,))[0]
        for item in node.value:
            _as_typed(item, inner, prefix, visited)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = annotation if key.tag == f"{_TAG}merge" else _value_type(annotation, key.value)
            if _member(annotation, dict) is not None:
                _as_typed(key, get_args(_member(annotation, dict))[0], prefix, visited)
            _as_typed(value, inner, f"{prefix}{key.value}.", visited)


def _value_type(annotation: Any, key: Any) -> Any:
    if annotation is Any or annotation is None:
        return annotation
    if mapping := _member(annotation, dict):
        return get_args(mapping)[1]
    section = _member(annotation, Section)
    fields: Mapping[str, Any] = section.model_fields if section else {}
    return fields[key].annotation if isinstance(key, str) and key in fields else None


def _scalar_as_typed(node: yaml.ScalarNode, annotation: Any, prefix: str) -> None:
    if annotation is Any:
        _refuse_unclear(node, prefix)
    elif _is_text(annotation):
        is_null = node.value == "" or (
            node.value in NULLS and types.NoneType in _members(annotation)
        )
        if not is_null:
            node.tag = f"{_TAG}str"


def _refuse_unclear(node: yaml.ScalarNode, prefix: str) -> None:
    old = yaml.SafeLoader("").resolve(yaml.ScalarNode, node.value, (True, False))
    octal = node.tag == f"{_TAG}int" and re.fullmatch(r"[-+]?0[0-9]+", node.value)
    if octal or (old not in (node.tag, f"{_TAG}str")):
        key = f" {prefix[:-1]}:" if prefix else ""
        raise Unclear(
            f"has{key} the value {node.value}, which is text to some and "
            f"{old.removeprefix(_TAG)} to others; write true, false or a decimal number, or put "
            f"it in quotes: '\"{node.value}\"'"
        )


def _refuse_repeated_keys(node: yaml.Node | None, prefix: str, visited: set[int]) -> None:
    """Raise Unclear for the first mapping below `node` that has a key twice; YAML parsers drop the
    first value without a word."""
    if id(node) in visited:  # an alias
        return
    visited.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(item, prefix, visited)
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = f"{prefix}{key.value}", key.start_mark.line + 1
            if (first := lines.get(name)) is not None:
                where = f"line {first}" if first == line else f"lines {first} and {line}"
                raise Unclear(f"sets {name} twice, on {where}")
            lines[name] = line
            _refuse_repeated_keys(value, f"{name}.", visited)
