"""Toolsets of one's own whose functions are those of MCP servers."""

from __future__ import annotations

import sys

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
