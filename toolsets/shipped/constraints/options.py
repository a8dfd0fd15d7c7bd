"""Parse the options of one question and what is asked of them.

    ["x = 1", "x > 1, y = 2"]    {"A": "x = 1", "B": "x > 1"}    "could be true except"

A mode asks whether an option can be true, can be false, or cannot; `except` asks for the opposite.
Not here: the function that judges them (`judging`), parsing of constraints (`language`).
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import Tree
from toolsets.shipped.constraints.language import WORDS, read_constraints

MOST_OPTIONS = 10
LONGEST_LABEL = 20  # characters

_MODES = {
    **{"must be true": ("false", False), "cannot be false": ("false", False)},
    **{"cannot be true": ("true", False), "must be false": ("true", False)},
    **{"could be true": ("true", True), "could be false": ("false", True)},
}
_PHRASES = {
    **{("false", False): "must be true", ("true", False): "cannot be true"},
    **{("true", True): "could be true", ("false", True): "could be false"},
}
_EXCEPT = " except"
_LABEL = re.compile(r"(?P<label>\(?[A-Za-z]\))\s+(?P<word>\w+)")


_SHOWN = [phrase + end for end in ("", _EXCEPT) for phrase in _PHRASES.values()]


@dataclass(frozen=True, slots=True)
class Mode:
    """What is asked: whether an option can have a truth value, or that it cannot."""

    value: str  # "true" or "false"
    possible: bool

    def __str__(self) -> str:
        return _PHRASES[self.value, self.possible]


@dataclass(frozen=True, slots=True)
class Option:
    """A label, and the constraints that all hold if the option is true."""

    label: str
    constraints: list[tuple[str, Tree]]


def read_options(value: object) -> list[Option]:
    """Parse a list of options, or a dict of labels; raises ValueError that names the option."""
    if isinstance(value, dict):
        labelled = [(str(label).strip(), text) for label, text in value.items()]
    elif isinstance(value, list):
        labelled = [*zip(string.ascii_uppercase, value, strict=False)]
    else:
        raise ValueError('expected a list of options, like ["x = 1", "x = 2"]')
    if len(labelled) > MOST_OPTIONS or (isinstance(value, list) and len(value) > MOST_OPTIONS):
        raise LimitExceeded(f"there are more than {MOST_OPTIONS} options")
    if len({label for label, _ in labelled}) < len(labelled):
        raise ValueError("two options have the same label")
    if len(labelled) < 2:
        raise ValueError("expected two options or more; for one claim use must_hold or can_hold")
    return [_option(label, text) for label, text in labelled]


def read_mode(value: object) -> Mode:
    """Parse what is asked; raises ValueError with the modes."""
    text = " ".join(re.split(r"[\s_-]+", str(value).strip().lower()))
    asked = text.removesuffix(_EXCEPT)
    if asked not in _MODES:
        modes = ", ".join(_PHRASES.values())
        raise ValueError(f"expected one of {modes}, or one of them with except")
    truth, possible = _MODES[asked]
    return Mode(truth, possible != text.endswith(_EXCEPT))


Options = Annotated[
    list[Option],
    PlainValidator(read_options),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
AskedMode = Annotated[
    Mode,
    PlainValidator(read_mode),
    WithJsonSchema({"type": "string", "enum": _SHOWN}),
]


def _option(label: str, text: object) -> Option:
    if not 0 < len(label) <= LONGEST_LABEL:
        raise ValueError(f"a label must have 1 to {LONGEST_LABEL} characters, such as A")
    try:
        _check_unlabelled(text)
        constraints = read_constraints(text)
    except LimitExceeded:
        raise
    except ValueError as error:
        raise ValueError(f"option {label}: {error}") from None
    if not constraints:
        raise ValueError(f"option {label} is empty; write a constraint such as x = 3")
    return Option(label, constraints)


def _check_unlabelled(text: object) -> None:
    """Raise ValueError for a text such as `(A) x = 1`, which would be a product."""
    found = _LABEL.match(text.strip()) if isinstance(text, str) else None
    if found and found["word"].lower() not in WORDS:
        raise ValueError(f"leave out {found['label']}; options are labelled in their order")
