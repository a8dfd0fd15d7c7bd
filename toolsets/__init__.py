"""Functions that a model may call: how a call is written, parsed, bound, executed and bounded.

    toolset = toolsets.load("arithmetic")
    call = toolset.parse("add(a=2, b=3)")          # ToolCall, or raises CallError
    with toolsets.Executor(toolset) as executor:
        executor.run(call)                         # ToolResult(ok=True, content="5")

    toolsets.mcp.toolset("uvx some-server")        # an MCP server's tools
    toolsets.berkeley.toolset(path)                # Berkeley's function documents

Imports no other package of this repository, and never ray, torch, vllm or transformers.
"""

import importlib
from types import ModuleType

from toolsets.calls.model import ToolCall, ToolResult
from toolsets.calls.parse import parse_call, parse_calls
from toolsets.calls.render import render_call
from toolsets.catalog.load import load
from toolsets.catalog.toolset import Toolset
from toolsets.errors import CallError, LimitExceeded, ToolsetError
from toolsets.execution.executor import Executor
from toolsets.tools.decorator import tool
from toolsets.tools.signature import ChainState
from toolsets.tools.tool import Limits, Number, Tool

__all__ = [
    "CallError",
    "ChainState",
    "Executor",
    "LimitExceeded",
    "Limits",
    "Number",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Toolset",
    "ToolsetError",
    "load",
    "parse_call",
    "parse_calls",
    "render_call",
    "tool",
]


def __getattr__(name: str) -> ModuleType:
    """Import `mcp` and `berkeley` on first use, as few callers need their packages."""
    if name in ("berkeley", "mcp"):
        return importlib.import_module(f"toolsets.sources.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
