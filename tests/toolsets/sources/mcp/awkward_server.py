"""An MCP server whose tools are hard to handle: unusual names, pictures, crashes.

    python -m tests.toolsets.sources.mcp.awkward_server [silent FILE | broken | wrong]

`silent` writes its process id to FILE and never answers, `broken` ends at once, `wrong` lists a
tool with an invalid schema.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server import Server
from mcp.server.stdio import stdio_server

PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "at": {"$ref": "#/$defs/point"}},
    "required": ["city"],
}
POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
WEATHER = {
    "type": "object",
    "properties": {
        "place": PLACE,
        "from": {"type": "string", "description": "The first day."},
        "unit-of-heat": {"enum": ["C", "F"], "default": "C"},
    },
    "required": ["place"],
    "$defs": {"point": POINT},
}
NOTHING: dict[str, Any] = {"type": "object"}
WRONG = {"wrong": {"type": "object", "properties": {"a": {"type": "nonsense"}}}}
SCHEMAS = {
    "get-weather": WEATHER,
    "get_weather": NOTHING,
    "class": NOTHING,
    "picture": NOTHING,
    "table": NOTHING,
    "page": NOTHING,
    "complain": NOTHING,
    "own_pid": NOTHING,
    "die": NOTHING,
    "hang": NOTHING,
}


def text(content: str, is_error: bool = False) -> types.CallToolResult:
    """A result with one text."""
    block = types.TextContent(type="text", text=content)
    return types.CallToolResult(content=[block], is_error=is_error)


def picture() -> types.CallToolResult:
    """A result with a text and two pictures."""
    data = base64.b64encode(bytes(3000)).decode()
    image = types.ImageContent(type="image", data=data, mime_type="image/png")
    return types.CallToolResult(content=[types.TextContent(type="text", text="Two:"), image, image])


def page() -> types.CallToolResult:
    """A result with a resource and a link to one."""
    inner = types.TextResourceContents(uri="file:///page.txt", text="All of the page")
    link = types.ResourceLink(type="resource_link", name="next", uri="file:///next.txt")
    return types.CallToolResult(
        content=[types.EmbeddedResource(type="resource", resource=inner), link]
    )


async def list_tools(context: Any, parameters: Any) -> types.ListToolsResult:
    """List the tools in pages of six."""
    schemas = WRONG if sys.argv[1:] == ["wrong"] else SCHEMAS
    tools = [
        types.Tool(name=name, description=f"Do {name}.", input_schema=schema)
        for name, schema in schemas.items()
    ]
    start = int(parameters.cursor) if parameters and parameters.cursor else 0
    following = str(start + 6) if start + 6 < len(tools) else None
    return types.ListToolsResult(tools=tools[start : start + 6], next_cursor=following)


async def call_tool(context: Any, parameters: types.CallToolRequestParams) -> types.CallToolResult:
    """Execute the tool named in `parameters`."""
    match parameters.name:
        case "picture":
            return picture()
        case "table":
            return types.CallToolResult(content=[], structured_content={"rows": [1, 2]})
        case "page":
            return page()
        case "complain":
            return text("there is no such place", is_error=True)
        case "own_pid":
            return text(str(os.getpid()))
        case "die":
            os._exit(1)
        case "hang":
            await asyncio.sleep(3600)
    return text(f"{parameters.name} {parameters.arguments}")


async def serve() -> None:
    """Serve until standard input ends."""
    server = Server("awkward", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    if sys.argv[1:2] == ["silent"]:
        Path(sys.argv[2]).write_text(str(os.getpid()))
        time.sleep(3600)
    if sys.argv[1:] == ["broken"]:
        sys.exit(3)
    asyncio.run(serve())
