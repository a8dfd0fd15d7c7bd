"""Deployment of the function executor: CPU only, with its own replicas and queue."""

from __future__ import annotations

import toolsets
from toolsets import ToolCall, ToolResult


class Functions:
    """Executes calls of one toolset in worker processes (`toolsets.Executor`)."""

    def __init__(self, toolset: str, workers: int) -> None:
        self._executor = toolsets.Executor(toolsets.load(toolset), workers=workers)

    async def run(self, call: ToolCall) -> ToolResult:
        """Execute a call; errors in what the model wrote become results and never raise."""
        return await self._executor.submit(call)

    def __del__(self) -> None:
        self._executor.close()
