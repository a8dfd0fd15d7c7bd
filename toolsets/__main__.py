"""The toolsets at the command line: `python -m toolsets COMMAND`.

    list                        the toolsets that ship and their functions
    describe NAME               the functions of a toolset, as a model reads them
    call NAME CALL [CALL ...]   execute calls, one after another, as one chain
    mcp NAME                    serve a toolset as an MCP server on standard input and output

Exit codes: 0 success; 1 a function failed; 2 unknown toolset or invalid call; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from toolsets.calls.model import ToolResult
from toolsets.catalog.load import SHIPPED, load
from toolsets.errors import CallError, ToolsetError
from toolsets.execution.executor import Executor
from toolsets.tools.tool import Tool

NAMES = "arithmetic, arithmetic[add,divide as quotient], or my_package.my_tools:toolset"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ToolsetError, CallError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _list(options: argparse.Namespace) -> int:
    functions = {name: load(name).tool_names for name in SHIPPED}
    lines = [_wrap(f"{name}: {', '.join(names)}") for name, names in functions.items()]
    _print(options, {"toolsets": functions}, "\n".join(lines))
    return 0


def _describe(options: argparse.Namespace) -> int:
    toolset = load(options.name)
    tools = [_description(tool) for tool in toolset.tools]
    text = "\n".join(_wrap(tool.help) for tool in toolset.tools)
    _print(options, {"name": toolset.name, "tools": tools}, text)
    return 0


def _call(options: argparse.Namespace) -> int:
    toolset = load(options.name)
    calls = [toolset.parse(text) for text in options.calls]
    state = None
    with Executor(toolset, workers=1) as executor:
        for call in calls:
            result = executor.run(replace(call, state=state))
            state = state if result.state is None else result.state
            _print_result(options, result)
            if not result.ok:
                return 1
    return 0


def _print_result(options: argparse.Namespace, result: ToolResult) -> None:
    if result.ok or options.json:
        record = {"ok": result.ok, "content": result.content, "error_kind": result.error_kind}
        state = {} if result.state is None else {"state": result.state}
        _print(options, record | state, result.content)
    else:
        print(result.content, file=sys.stderr)


def _mcp(options: argparse.Namespace) -> int:
    from toolsets.sources.mcp.server import serve

    serve(load(options.name))
    return 0


def _description(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "signature": tool.signature,
        "description": tool.description,
        "example": tool.example,
        "parameters": tool.parameters,
    }


def _wrap(line: str) -> str:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    return textwrap.fill(line, width, subsequent_indent="    ")


def _print(options: argparse.Namespace, record: dict[str, Any], text: str) -> None:
    print(json.dumps(record) if options.json else text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m toolsets", description="Functions that a model may call."
    )
    commands = parser.add_subparsers(required=True, metavar="list | describe | call | mcp")
    for command, description in (
        (_list, "the toolsets that ship and their functions"),
        (_describe, "the functions of a toolset, as a model reads them"),
        (_call, "execute calls in a worker process, one after another, as one chain"),
        (_mcp, "serve a toolset as an MCP server on standard input and output"),
    ):
        name = command.__name__.lstrip("_")
        subparser = commands.add_parser(name, help=description, description=description)
        if command is not _list:
            subparser.add_argument("name", help=f"such as {NAMES}")
        if command is _call:
            example = "such as 'add(a=2, b=3)'"
            subparser.add_argument("calls", nargs="+", metavar="call", help=example)
        if command is not _mcp:
            subparser.add_argument("--json", action="store_true", help="print JSON, one per line")
        subparser.set_defaults(command=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
