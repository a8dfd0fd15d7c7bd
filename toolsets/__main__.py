"""The toolsets at the command line: `python -m toolsets list | describe NAME | call NAME CALL`.

Exit codes: 0 done; 1 the function failed; 2 no such toolset, or no call that it understands.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from toolsets.errors import CallError, ToolsetError
from toolsets.executor import Executor
from toolsets.tool import Tool
from toolsets.toolset import SHIPPED, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ToolsetError, CallError) as error:
        print(error, file=sys.stderr)
        return 2


def _list(options: argparse.Namespace) -> int:
    functions = {name: load(name).tool_names for name in SHIPPED}
    lines = [f"{name}: {', '.join(names)}" for name, names in functions.items()]
    _print(options, {"toolsets": functions}, "\n".join(lines))
    return 0


def _describe(options: argparse.Namespace) -> int:
    toolset = load(options.name)
    tools = [_described(tool) for tool in toolset.tools]
    _print(options, {"name": toolset.name, "tools": tools}, toolset.help)
    return 0


def _call(options: argparse.Namespace) -> int:
    toolset = load(options.name)
    call = toolset.parse(options.call)
    with Executor(toolset, workers=1) as executor:
        result = executor.run(call)
    if result.ok or options.json:
        _print(options, asdict(result), result.content)
    else:
        print(result.content, file=sys.stderr)
    return 0 if result.ok else 1


def _described(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "signature": tool.signature,
        "description": tool.description,
        "example": tool.example,
        "parameters": tool.parameters,
    }


def _print(options: argparse.Namespace, record: dict[str, Any], text: str) -> None:
    print(json.dumps(record) if options.json else text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m toolsets", description="Functions that a model may call."
    )
    commands = parser.add_subparsers(required=True, metavar="list | describe | call")
    name_help = "such as arithmetic, arithmetic[add,divide], or my_package.my_tools:toolset"
    for command, description, positionals in (
        (_list, "the toolsets that ship and their functions", {}),
        (_describe, "the functions of a toolset, as a model reads them", {"name": name_help}),
        (
            _call,
            "execute one call in a worker process",
            {"name": name_help, "call": "such as 'add(a=2, b=3)'"},
        ),
    ):
        subparser = commands.add_parser(
            command.__name__.lstrip("_"), help=description, description=description
        )
        for positional, text in positionals.items():
            subparser.add_argument(positional, help=text)
        subparser.add_argument("--json", action="store_true", help="print one JSON object")
        subparser.set_defaults(command=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
