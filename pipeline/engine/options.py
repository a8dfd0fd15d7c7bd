"""vLLM's engine options: their names and allowed values.

vLLM checks option names when it creates its arguments, types and bounds when it creates its
configuration from them, and the rest when it loads the model on a device. This file runs the first
two checks, which need neither model nor device. Importing vLLM takes seconds.

Not here: checking the options of a recipe (`pipeline.run.preflight`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipeline.engine.engine import reason

SCALARS = {bool, int, float, str, NoneType}


def option_names() -> list[str]:
    """Names of all options except `model`, which a recipe sets elsewhere."""
    return [name for name in _types() if name != "model" and not name.startswith("_")]


def fault(options: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first option whose value vLLM refuses, with the reason; None if all values pass these
    checks. The name is "" if vLLM reports only the nested part of an option. All names must be
    known options."""
    for name, value in options.items():
        if problem := _value_fault(name, value):
            return name, f"{problem}, got {value!r}"
    here = os.path.dirname(__file__)  # any existing folder, so that vLLM does not look for a model
    try:
        _arguments()(model=here, **options)  # checks options with nested options
    except ValueError as error:
        nested = isinstance(error, ValidationError)
        parts = (error.title, *error.errors()[0]["loc"]) if nested else ()
        return "", ": ".join([*map(str, parts), _lower(reason(error))])
    return None


def _arguments() -> Any:
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    from vllm.engine.arg_utils import AsyncEngineArgs

    return AsyncEngineArgs


def _types() -> dict[str, Any]:
    return {field.name: field.type for field in fields(_arguments())}


def _value_fault(name: str, value: Any) -> str | None:
    """Why vLLM's configuration refuses a value, or None. Checks only options that take numbers,
    strings, booleans, or one of a fixed set of words."""
    if value is None and getattr(_arguments(), name, None) is None:
        return None
    import torch

    expected, bounds = _type_and_bounds(name)
    kinds = {*_leaves(expected)} - {torch.dtype}  # no recipe can hold a torch.dtype
    if not kinds <= {*SCALARS, Literal}:
        return None
    # Strict: a quoted number in YAML is a string, and neither vLLM nor our code can calculate with
    # it.
    settings = ConfigDict(strict=kinds <= SCALARS, arbitrary_types_allowed=True)
    bounded: Any = expected
    if bounds:
        bounded = Annotated[expected, *bounds]  # pyright: ignore[reportInvalidTypeForm]: at run time
    adapter = TypeAdapter(bounded, config=settings)
    lowered = value.lower() if isinstance(value, str) else value  # vLLM lowers some words
    for candidate in (lowered, value):
        try:
            adapter.validate_python(candidate)
        except ValidationError as error:
            problem = _lower(reason(error))
        else:
            return None
    return problem


def _type_and_bounds(name: str) -> tuple[Any, list[Any]]:
    """The type and the bounds of an option in vLLM's configuration."""
    from vllm import config

    parts = (config.ModelConfig, config.CacheConfig, config.ParallelConfig)
    for part in (*parts, config.SchedulerConfig, config.LoadConfig):
        if field := vars(part)["__pydantic_fields__"].get(name):
            return field.annotation, field.metadata
    return _types()[name], []


def _leaves(annotation: Any) -> Iterator[Any]:
    """The member types of a union, or the type itself; `Literal` without its words."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _leaves(part)
    else:
        yield Literal if get_origin(annotation) is Literal else annotation


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
