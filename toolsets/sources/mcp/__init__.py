"""The tools of an MCP server as a toolset, through the official `mcp` package.

    toolset = toolsets.sources.mcp.toolset("uvx some-server --flag")      in a module of yours

Importing the module starts the server, with a minimal environment; it communicates over its
standard streams, and each worker process starts its own server. Such a toolset is unconfined: a
server may use the network, files and other processes. The next call restarts a server that died.

Not here: serving a toolset to MCP clients (`toolsets.sources.mcp.server`).
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
    """The tools of the MCP server that `command` starts; `limits` apply to each call.

    `env` is added to the few variables that a server gets. Raises ToolsetError if the server does
    not start, or lists a tool with an invalid schema.
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
            server.close()
            raise ToolsetError(f"{server}: {error}") from None
    renamed = tuple(tool.renamed(names[tool.name]) for tool in tools)
    return Toolset(f"mcp:{shlex.join(words)}", renamed, unconfined=True)


class _Server:
    """An MCP server command, and this process's one session with the server."""

    def __init__(self, words: list[str], env: dict[str, str]) -> None:
        self._words = words
        self._env = env
        self._session: Session | None = None

    def __str__(self) -> str:
        return f"MCP server {shlex.join(self._words)!r}"

    def tools(self) -> list[Tool]:
        """All tools of the server, in its order; raises ToolsetError if it cannot list them."""
        if not self._words or shutil.which(self._words[0]) is None:
            raise ToolsetError(f"{self} cannot be started: program not found")
        try:
            return self._open_session().ask(_list, START_SECONDS)
        except TimeoutError:
            reason = f"does not answer within {START_SECONDS:g} s"
        except Exception as error:  # a third-party server may cause any error
            reason = f"fails: {_error_text(error)}"
        self.close()
        raise ToolsetError(f"{self} {reason}; try the command in a terminal")

    def caller(self, name: str) -> Callable[[dict[str, Any]], str]:
        """A function that calls the tool `name`; it raises ValueError with the server's error."""

        def call(arguments: dict[str, Any]) -> str:
            from mcp import MCPError
            from mcp_types import CONNECTION_CLOSED

            try:
                result = self._open_session().ask(lambda client: client.call_tool(name, arguments))
            except MCPError as error:
                if error.code != CONNECTION_CLOSED:
                    raise
                self.close()
                raise ValueError("the MCP server has ended") from None
            if result.is_error:
                message = _text(result).removeprefix(f"{name}: ")  # our own server adds this
                raise ValueError(message or "the MCP server returned an error")
            return _text(result)

        return call

    def close(self) -> None:
        """Close the session, if it is open; the next call opens a new one."""
        if self._session is not None:
            self._session.close()
        self._session = None

    def _open_session(self) -> Session:
        if self._session is None:
            self._session = Session(self._words, self._env)
        return self._session


async def _list(client: Client) -> list[Tool]:
    page = await client.list_tools()
    tools = page.tools
    while page.next_cursor is not None:
        page = await client.list_tools(cursor=page.next_cursor)
        tools = [*tools, *page.tools]
    return tools


def _text(result: CallToolResult) -> str:
    """The result as text for the model; blocks other than text are named only."""
    parts = [_block(block) for block in result.content]
    if not parts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False, allow_nan=False)
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


def _error_text(error: BaseException) -> str:
    """The message of the error, or of the first error in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
