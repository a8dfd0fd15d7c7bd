"""Serve a toolset as an MCP server on standard input and output.

    python -m toolsets mcp arithmetic

Calls run in an executor's worker processes. A connection is one chain: its state is passed from
call to call. A failed call is returned as an error result, not as a protocol error.

Not here: an MCP server used as a toolset (`toolsets.sources.mcp`).
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from toolsets.calls.model import ToolCall, ToolResult
from toolsets.calls.render import render_call
from toolsets.catalog.toolset import Toolset
from toolsets.execution.executor import Executor

if TYPE_CHECKING:  # takes half a second to import
    from mcp.server import Server


def serve(toolset: Toolset) -> None:
    """Serve the functions of `toolset` until standard input ends."""
    # No exception ends the thread on which the package reads standard input, so let SIGINT kill
    # this process; its workers end with it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_serve(toolset))


async def _serve(toolset: Toolset) -> None:
    from mcp.server.stdio import stdio_server

    with Executor(toolset) as executor:
        server = server_of(toolset, executor)
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())


def server_of(toolset: Toolset, executor: Executor) -> Server:
    """An MCP server for one connection; `executor` runs its calls."""
    import mcp_types
    from mcp.server import Server

    connection = _Connection(toolset, executor)
    tools = [mcp_types.Tool.model_validate(tool.mcp_schema()) for tool in toolset.tools]

    async def list_tools(context: Any, parameters: Any) -> mcp_types.ListToolsResult:
        return mcp_types.ListToolsResult(tools=tools)

    async def call_tool(
        context: Any, parameters: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult:
        result = await connection.call(parameters.name, parameters.arguments or {})
        content = mcp_types.TextContent(type="text", text=result.content)
        return mcp_types.CallToolResult(content=[content], is_error=not result.ok)

    return Server(toolset.name, on_list_tools=list_tools, on_call_tool=call_tool)


class _Connection:
    """One client's chain of calls and its state."""

    def __init__(self, toolset: Toolset, executor: Executor) -> None:
        self._stateful = {tool.name for tool in toolset.tools if tool.state_parameter is not None}
        self._executor = executor
        self._lock = asyncio.Lock()
        self._state: dict[str, Any] | None = None

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Run a call; calls of stateful functions run one after another."""
        call = ToolCall(name, arguments, render_call(name, arguments))
        if name not in self._stateful:
            return await self._executor.submit(call)
        async with self._lock:
            call = ToolCall(name, arguments, call.raw, self._state)
            result = await self._executor.submit(call)
            self._state = self._state if result.state is None else result.state
            return result
