"""The function executor as a deployment: CPU only, its own replicas and queue."""

from __future__ import annotations

import toolsets
from toolsets import ToolCall, ToolResult


class Functions:
    """Executes calls of one toolset in worker processes (`toolsets.Executor`)."""

    def __init__(self, toolset: str, workers: int) -> None:
        self._executor = toolsets.Executor(toolsets.load(toolset), workers=workers)

    async def run(self, call: ToolCall) -> ToolResult:
        """The call's result; never raises for what a model wrote."""
        return await self._executor.submit(call)

    def __del__(self) -> None:
        self._executor.close()
