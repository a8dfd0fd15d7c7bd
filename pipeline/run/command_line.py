"""Used by the command lines of all rooms: environment check, and options in any order.

Uses only the standard library and runs on any Python 3, as it is imported before anything else.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import CannotStart

ROOT = Path(__file__).parents[2]
VERSION = (3, 11)
PACKAGES = ("pydantic", "yaml", "rich", "pyarrow", "ray")  # a sample of what `make setup` installs


def check_environment(module: str) -> None:
    """Raise CannotStart if this Python is not the one of `make setup`."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if sys.version_info[:2] == VERSION and not missing:
        return
    here = f"{sys.executable} (Python {sys.version_info[0]}.{sys.version_info[1]})"
    reason = f"lacks {', '.join(missing)}" if missing else "is not Python 3.11"
    python = Path(".venv/bin/python")
    first = "" if (ROOT / python).exists() else "run make setup, then "
    raise CannotStart(
        f"{here} {reason}; {first}use {python} -m {module}, or activate the environment with "
        "source .venv/bin/activate"
    )


def parse(
    parser: argparse.ArgumentParser,
    commands: Mapping[str, argparse.ArgumentParser],
    arguments: Sequence[str] | None,
) -> argparse.Namespace:
    """Parse a command line whose options and positional arguments may come in any order.

    `commands` are the subparsers of `parser` by name. Raises CannotStart for an unknown option or
    argument, naming the nearest option.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0].startswith("-"):
        return parser.parse_args(words)  # prints help, or that a command is missing
    if words[0] not in commands:
        known = ", ".join(commands)
        raise CannotStart(f"unknown command {words[0]}{_hint(words[0], commands)} (known: {known})")
    command = commands[words[0]]
    parsed, rest = command.parse_known_intermixed_args(words[1:])
    if rest:
        raise CannotStart(_unknown(rest[0], command))
    return parsed


def _unknown(word: str, parser: argparse.ArgumentParser) -> str:
    known = re.findall(r"--[a-z][a-z-]*", parser.format_help())
    kind = "option" if word.startswith("-") else "argument"
    return f"unknown {kind} {word}{_hint(word.partition('=')[0], known)}"


def _hint(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
