"""The tools of an MCP server as a toolset, through the official `mcp` package.

    toolset = toolsets.sources.mcp.toolset("uvx some-server --flag")      in a module of one's own

The server is started where the module is imported, with a bare environment, and is spoken to over
its standard streams; each worker process has a server of its own. Such a toolset is unconfined: a
server may use the network, files and processes of its own. One that has died is started anew by the
next call.

Not here: a toolset served to others (`toolsets.sources.mcp.server`).
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolsets.catalog.toolset import Toolset
from toolsets.errors import ToolsetError
from toolsets.sources.documents import names_for, tool_of
from toolsets.sources.mcp.session import START_SECONDS, Session
from toolsets.tools.tool import Limits

if TYPE_CHECKING:  # takes half a second to import
    from mcp import Client
    from mcp_types import CallToolResult, Tool


def toolset(
    command: str | Sequence[str],
    env: Mapping[str, str] | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Toolset:
    """The tools of the MCP server that `command` starts; `limits` hold for each call.

    `env` is added to the few variables that a server gets. Raises ToolsetError where the server
    does not start, or tells tools that cannot be called.
    """
    words = shlex.split(command) if isinstance(command, str) else list(command)
    server = _Server(words, dict(env or {}))
    listed = server.tools()
    names = names_for(tool.name for tool in listed)
    tools = []
    for tool in listed:
        try:
            run = server.caller(tool.name)
            described = tool.description or tool.title or ""
            tools.append(tool_of(tool.name, described, tool.input_schema, run, limits))
        except ToolsetError as error:
            server.end()
            raise ToolsetError(f"{server}: {error}") from None
    renamed = tuple(tool.renamed(names[tool.name]) for tool in tools)
    return Toolset(f"mcp:{shlex.join(words)}", renamed, unconfined=True)


class _Server:
    """A server by its command, with the one session to it that this process has."""

    def __init__(self, words: list[str], env: dict[str, str]) -> None:
        self._words = words
        self._env = env
        self._session: Session | None = None

    def __str__(self) -> str:
        return f"MCP server {shlex.join(self._words)!r}"

    def tools(self) -> list[Tool]:
        """All that the server offers, in its order."""
        if not self._words or shutil.which(self._words[0]) is None:
            raise ToolsetError(f"{self} cannot be started: there is no such program")
        try:
            return self._opened().ask(_list, START_SECONDS)
        except TimeoutError:
            reason = f"does not answer within {START_SECONDS:g} s"
        except Exception as error:  # whatever a server of others may do
            reason = f"fails: {_say(error)}"
        self.end()
        raise ToolsetError(f"{self} {reason}; try the command by itself")

    def caller(self, name: str) -> Callable[[dict[str, Any]], str]:
        """A function that calls the tool `name`; it raises ValueError with what the server said."""

        def call(arguments: dict[str, Any]) -> str:
            from mcp import MCPError
            from mcp_types import CONNECTION_CLOSED

            try:
                result = self._opened().ask(lambda client: client.call_tool(name, arguments))
            except MCPError as error:
                if error.code != CONNECTION_CLOSED:
                    raise
                self.end()
                raise ValueError("the MCP server has ended") from None
            if result.is_error:
                said = _text(result).removeprefix(f"{name}: ")  # as a server of ours begins
                raise ValueError(said or "the MCP server told an error")
            return _text(result)

        return call

    def _opened(self) -> Session:
        if self._session is None:
            self._session = Session(self._words, self._env)
        return self._session

    def end(self) -> None:
        """End the session, if there is one; the next call begins another."""
        if self._session is not None:
            self._session.close()
        self._session = None


async def _list(client: Client) -> list[Tool]:
    page = await client.list_tools()
    tools = page.tools
    while page.next_cursor is not None:
        page = await client.list_tools(cursor=page.next_cursor)
        tools = [*tools, *page.tools]
    return tools


def _text(result: CallToolResult) -> str:
    """What the model reads: texts as they are, anything else named."""
    parts = [_block(block) for block in result.content]
    if not parts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(parts)


def _block(block: Any) -> str:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            size = len(block.data) * 3 // 4  # base64
            return f"[{block.type}: {block.mime_type}, {size:,} bytes]"
        case "resource" if hasattr(block.resource, "text"):
            return block.resource.text
        case "resource":
            return f"[resource: {block.resource.uri}]"
    return f"[resource: {block.uri}]"


def _say(error: BaseException) -> str:
    """The first error itself, where a group holds it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
