"""Check arguments against JSON Schemas of other people: `jsonschema`, with four differences.

Patterns are matched in linear time (`toolsets.sources.patterns`), `multipleOf` is exact, references
are looked up in the schema only, never on the network, and a check that cannot be made is left out,
such as a pattern with lookaround or a reference to nothing; `readable` names these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from fractions import Fraction
from typing import Any

from toolsets.errors import ToolsetError, shorten
from toolsets.sources.patterns import matcher
from toolsets.tools.schema import Schema

_LONG_DECIMAL = re.compile(r"-?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def check_schema(name: str, schema: Schema) -> None:
    """Raise ToolsetError unless `schema` is a valid JSON Schema; patterns may be in any dialect."""
    from jsonschema import FormatChecker, SchemaError

    try:
        _dialect(schema).check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        place = "/".join(str(part) for part in error.path)
        reason = f"at {place or 'its root'}: {shorten(error.message, 200)}"
        raise ToolsetError(f"function {name} has an invalid JSON Schema, {reason}") from None


def readable(schema: Schema) -> tuple[Schema, list[str]]:
    """A copy of `schema` without the checks that cannot be made, and the names of these."""
    from referencing import Registry
    from referencing.jsonschema import specification_with

    copied = deepcopy(schema)
    specification = specification_with(_dialect(schema).META_SCHEMA["$schema"])
    resource = specification.create_resource(copied)
    parts = list(_parts(resource, Registry().resolver_with_root(resource)))
    missing: list[tuple[Any, str, str]] = []
    has_patterns = any("patternProperties" in part for part, _ in parts)
    for part, resolver in parts:
        if part is not copied:
            part.pop("$schema", None)  # else `jsonschema` checks it in its own way
        for key in _REFERENCES:
            if key in part and not _is_found(part[key], resolver):
                missing.append((part, key, f"the reference {part[key]!r}"))
        if "pattern" in part and matcher(part["pattern"]) is None:
            missing.append((part, "pattern", f"the pattern {part['pattern']!r}"))
        named = part.get("patternProperties", {})
        missing += [(named, p, f"the pattern {p!r}") for p in named if matcher(p) is None]
        if has_patterns and "unevaluatedProperties" in part:  # `jsonschema` uses `re` for it
            missing.append((part, "unevaluatedProperties", "unevaluatedProperties"))
    for part, key, _ in missing:
        del part[key]
    return copied, list(dict.fromkeys(text for *_, text in missing))


def checker(root: Schema, schema: Any) -> Callable[[Any], Any]:
    """A function that returns a valid value, and raises ValueError for another.

    `schema` is a part of `root`, into which its references point.
    """
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    ours = _validators(_dialect(root))
    root = {key: value for key, value in root.items() if key != "$schema"}
    validator = ours(root, registry=Registry())

    is_number = isinstance(schema, dict) and schema.get("type") in ("number", ["number"])

    def check(value: Any) -> Any:
        if is_number and isinstance(value, str) and _LONG_DECIMAL.fullmatch(value):
            value = float(value)  # `toolsets.calls.literal` leaves what no float holds as text
        try:
            error = best_match(validator.descend(value, schema))
        except (
            RecursionError,
            Unresolvable,
        ):  # a reference leads back to its own place, or nowhere
            return value
        if error is not None:
            place = ".".join(str(part) for part in error.absolute_path)
            raise ValueError(f"{_expected(error)}{f' at {place}' if place else ''}")
        return value

    return check


def _dialect(schema: Schema) -> Any:
    """The validator class for the `$schema` that is named, else for the newest dialect."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    named = schema.get("$schema")
    return validator_for(schema if isinstance(named, str) else {}, Draft202012Validator)


def _parts(resource: Any, resolver: Any) -> Iterator[tuple[Schema, Any]]:
    """Every schema in a schema, with a resolver of its references."""
    if isinstance(resource.contents, dict):
        yield resource.contents, resolver
    for inner in list(resource.subresources()):
        yield from _parts(inner, resolver.in_subresource(inner))


def _is_found(reference: str, resolver: Any) -> bool:
    from referencing.exceptions import Unresolvable

    try:
        return isinstance(resolver.lookup(reference).contents, dict | bool)
    except (Unresolvable, LookupError, TypeError, ValueError):
        return False


def _validators(dialect: Any) -> Any:
    """The dialect with our own keywords."""
    from jsonschema.validators import extend

    ours = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
    }
    return extend(dialect, {key: ours[key] for key in ours if key in dialect.VALIDATORS})


def _pattern(validator: Any, pattern: str, value: Any, schema: Schema) -> Iterator[Any]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield _error(f"{shorten(repr(value), 100)} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Schema, value: Any, schema: Schema
) -> Iterator[Any]:
    for pattern, part in patterns.items():
        for key in value if isinstance(value, dict) else ():
            if _matches(pattern, key):
                yield from validator.descend(value[key], part, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, value: Any, schema: Schema
) -> Iterator[Any]:
    patterns = schema.get("patternProperties", ())
    for key in value if isinstance(value, dict) else ():
        if key in schema.get("properties", ()) or any(_matches(p, key) for p in patterns):
            continue
        if allowed is False:
            yield _error(f"there is no property {shorten(repr(key), 60)}")
        else:
            yield from validator.descend(value[key], allowed, path=key)


def _multiple_of(validator: Any, step: Any, value: Any, schema: Schema) -> Iterator[Any]:
    if validator.is_type(value, "number"):
        try:
            exact = _exact(value) % _exact(step) == 0
        except (ValueError, OverflowError):  # infinite, or not a number
            exact = False
        if not exact:
            yield _error(f"expected a multiple of {step}")


def _exact(number: Any) -> Fraction:
    """The decimal that was written, not its nearest binary fraction."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def _matches(pattern: str, text: Any) -> bool:
    matches = matcher(pattern)
    return matches is None or not isinstance(text, str) or matches(text)


def _error(message: str) -> Exception:
    from jsonschema import ValidationError

    return ValidationError(message)


def _expected(error: Any) -> str:
    wanted = error.validator_value
    match error.validator:
        case "type":
            types = [wanted] if isinstance(wanted, str) else wanted
            return f"expected {' or '.join(types)}"
        case "enum":
            return f"expected {' or '.join(repr(value) for value in wanted)}"
        case "oneOf" if "under each of" in error.message:
            return "expected exactly one of the alternatives"
        case "anyOf" | "oneOf" if error.context:
            reasons = dict.fromkeys(_expected(part) for part in error.context)
            return shorten(", or ".join(reasons), 200)
    return shorten(error.message, 200)
