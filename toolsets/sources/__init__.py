"""Toolsets from sources other than Python modules.

documents  build a tool from a name, a description and a JSON Schema
berkeley   Berkeley's function documents: calls are checked, not run
mcp/       an MCP server's tools as a toolset, and a toolset as an MCP server
"""
