"""Functions that a model may call: how a call is written, parsed, bound, executed and bounded.

    toolset = toolsets.load("arithmetic")
    call = toolset.parse("add(a=2, b=3)")          # ToolCall, or raises CallError
    with toolsets.Executor(toolset) as executor:
        executor.run(call)                         # ToolResult(ok=True, content="5")

Imports nothing else of ours, and never ray, torch, vllm or transformers.
"""

from toolsets.call import ToolCall, ToolResult, parse_call, render_call
from toolsets.errors import CallError, LimitExceeded, ToolsetError
from toolsets.executor import Executor
from toolsets.tool import ChainState, Limits, Number, Tool, tool
from toolsets.toolset import Toolset, load

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
    "render_call",
    "tool",
]
