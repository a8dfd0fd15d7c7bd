"""Our MCP server, called by the official client."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from subprocess import PIPE
from typing import Any, TypeVar

from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

import toolsets
from tests.conftest import ROOT

Answer = TypeVar("Answer")


def ask(toolset: str, question: Callable[[Client], Awaitable[Answer]]) -> Answer:
    """The answer to `question` from a client of `python -m toolsets mcp TOOLSET`."""

    async def connected() -> Answer:
        arguments = ["-m", "toolsets", "mcp", toolset]
        server = StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT)
        async with Client(server) as client:
            return await question(client)

    return asyncio.run(connected())


def read(result: CallToolResult) -> tuple[bool, str]:
    (block,) = result.content
    assert block.type == "text"
    return result.is_error, block.text


def test_the_tools_are_listed_with_their_schemas() -> None:
    async def schemas(client: Client) -> list[dict[str, Any]]:
        tools = (await client.list_tools()).tools
        return [tool.model_dump(by_alias=True, exclude_none=True) for tool in tools]

    toolset = toolsets.load("arithmetic[add,round_number]")
    assert ask(toolset.name, schemas) == [tool.mcp_schema() for tool in toolset.tools]


def test_calls_are_executed_and_failures_reported() -> None:
    async def results_of_calls(client: Client) -> list[tuple[bool, str]]:
        calls = (
            ("add", {"a": 0.1, "b": 0.2}),
            ("divide", {"a": 1, "b": 0}),
            ("add", {"a": 1}),
            ("ad", {}),
            ("add", {"a": 1, "b": "1/3"}),
        )
        return [read(await client.call_tool(name, given)) for name, given in calls]

    assert ask("arithmetic[add,divide]", results_of_calls) == [
        (False, "0.3"),
        (True, "divide: b must not be 0"),
        (True, "add: argument b is missing. Use: add(a: number, b: number)"),
        (True, "There is no function ad. Did you mean add? The functions are: add, divide."),
        (False, "1.33333333333333"),
    ]


def test_a_connection_is_one_chain_with_one_state() -> None:
    async def recalled_values(client: Client) -> list[tuple[bool, str]]:
        puts = [client.call_tool("put", {"name": name, "value": 1}) for name in "abcdef"]
        await asyncio.gather(*puts)
        recalled = [await client.call_tool("recall", {"name": name}) for name in "afg"]
        return [read(result) for result in recalled]

    toolset = "tests.toolsets.tools.test_running:toolset"
    assert ask(toolset, recalled_values) == [(False, "1"), (False, "1"), (True, "recall: 'g'")]


def test_a_function_that_prints_or_dies_does_not_affect_other_calls() -> None:
    async def results(client: Client) -> list[tuple[bool, str]]:
        calls = (
            ("print_text", {"text": "{}"}),
            ("exit_process", {"status": 1}),
            ("echo", {"text": "on"}),
        )
        return [read(await client.call_tool(name, given)) for name, given in calls]

    assert ask("tests.toolsets.hostile:toolset", results) == [
        (False, "{}"),
        (True, "exit_process: the function ended its process"),
        (False, "on"),
    ]


def test_an_interrupt_ends_the_server_at_once() -> None:
    command = [sys.executable, "-m", "toolsets", "mcp", "arithmetic[add]"]
    request = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 1
        server.send_signal(signal.SIGINT)
        assert server.wait(5) == -signal.SIGINT  # 130 for a shell
