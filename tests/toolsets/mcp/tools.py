"""Toolsets of one's own whose functions are those of MCP servers."""

from __future__ import annotations

import sys
from pathlib import Path

from toolsets import Limits, mcp

ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[3])}

awkward = mcp.toolset([sys.executable, "-m", "tests.toolsets.mcp.awkward_server"], env=ENVIRONMENT)
ours = mcp.toolset(
    [sys.executable, "-m", "toolsets", "mcp", "arithmetic"],
    env=ENVIRONMENT,
    limits=Limits(wall_clock_seconds=20),
)
