"""vLLM's engine options: which there are, and which values they take.

vLLM reads names when its arguments are made, types and bounds when its configuration is made of
them, and the rest when it meets model and device. The first two are tried here, which needs
neither. Importing vLLM takes seconds.

Not here: the options of a recipe (`pipeline.run.preflight`), how an engine starts
(`pipeline.engine.engine`).
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
    """The options there are, but `model`, which is given beside them."""
    return [name for name in _types() if name != "model" and not name.startswith("_")]


def fault(options: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first of these known options with a value that vLLM refuses, and what is wrong with it;
    "" for an option where vLLM names a part of one. None where all pass as far as can be told."""
    for name, value in options.items():
        if said := _value_fault(name, value):
            return name, f"{said}, got {value!r}"
    here = os.path.dirname(__file__)  # a folder that exists: vLLM looks no further for the model
    try:
        _arguments()(model=here, **options)  # checks options that have options of their own
    except ValueError as error:
        of_part = isinstance(error, ValidationError)
        parts = (error.title, *error.errors()[0]["loc"]) if of_part else ()
        return "", ": ".join([*map(str, parts), _lower(reason(error))])
    return None


def _arguments() -> Any:
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    from vllm.engine.arg_utils import AsyncEngineArgs

    return AsyncEngineArgs


def _types() -> dict[str, Any]:
    return {field.name: field.type for field in fields(_arguments())}


def _value_fault(name: str, value: Any) -> str | None:
    """What vLLM's configuration says of a value, where that is a number, a word, or yes or no."""
    if value is None and getattr(_arguments(), name, None) is None:
        return None
    import torch

    wanted, bounds = _configured(name)
    kinds = {*_leaves(wanted)} - {torch.dtype}  # which no recipe can hold
    if not kinds <= {*SCALARS, Literal}:
        return None
    # A quoted number is a text in YAML, which neither vLLM nor our own sums can count with.
    settings = ConfigDict(strict=kinds <= SCALARS, arbitrary_types_allowed=True)
    judged: Any = wanted
    if bounds:
        judged = Annotated[wanted, *bounds]  # pyright: ignore[reportInvalidTypeForm]: at run time
    adapter = TypeAdapter(judged, config=settings)
    spelled = value.lower() if isinstance(value, str) else value  # as vLLM spells some
    for written in (spelled, value):
        try:
            adapter.validate_python(written)
        except ValidationError as error:
            said = _lower(reason(error))
        else:
            return None
    return said


def _configured(name: str) -> tuple[Any, list[Any]]:
    """The type and the bounds of an option in the part of vLLM's configuration that has it."""
    from vllm import config

    parts = (config.ModelConfig, config.CacheConfig, config.ParallelConfig)
    for part in (*parts, config.SchedulerConfig, config.LoadConfig):
        if field := vars(part)["__pydantic_fields__"].get(name):
            return field.annotation, field.metadata
    return _types()[name], []


def _leaves(wanted: Any) -> Iterator[Any]:
    """The types that a union is made of; `Literal` for one of these."""
    if get_origin(wanted) in (Union, UnionType):
        for part in get_args(wanted):
            yield from _leaves(part)
    else:
        yield Literal if get_origin(wanted) is Literal else wanted


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
