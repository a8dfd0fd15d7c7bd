"""Toolsets of MCP servers for the tests."""

from __future__ import annotations

import sys

import toolsets
from tests.conftest import ROOT
from toolsets import Limits
from toolsets.sources import mcp

ENVIRONMENT = {"PYTHONPATH": str(ROOT)}

awkward = mcp.toolset(
    [sys.executable, "-m", "tests.toolsets.sources.mcp.awkward_server"], env=ENVIRONMENT
)
ours = mcp.toolset(
    [sys.executable, "-m", "toolsets", "mcp", "arithmetic"],
    env=ENVIRONMENT,
    limits=Limits(wall_clock_seconds=20),
)
mixed = awkward + toolsets.load("arithmetic[add]")
