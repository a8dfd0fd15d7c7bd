"""Start one MCP server process and talk to it from code that is not async.

The official client is async; its event loop runs on a separate thread for as long as the session
lasts. The server ends with the session or with this process, even if this process is killed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # takes half a second to import
    from mcp import Client, StdioServerParameters

START_SECONDS = 50.0  # less than a worker process may take to load its toolset
# Runs a command without the worker's memory limit; it ends with the thread that started it.
_TETHER = """
import ctypes, os, resource, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG in linux/prctl.h
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
os.execvp(sys.argv[1], sys.argv[1:])
"""

Answer = TypeVar("Answer")


class Session:
    """A running server. Passes on the client's errors; raises TimeoutError without an answer."""

    def __init__(
        self, words: list[str], env: dict[str, str], start_seconds: float = START_SECONDS
    ) -> None:
        opened: Future[Client] = Future()
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(_hold(_parameters(words, env), opened))
        threading.Thread(target=self._run, name="mcp", daemon=True).start()
        try:
            self._client = opened.result(start_seconds)
        except TimeoutError:
            self.close()
            raise

    def ask(
        self,
        request: Callable[[Client], Coroutine[Any, Any, Answer]],
        seconds: float | None = None,
    ) -> Answer:
        """The answer to `request`; raises TimeoutError after `seconds`."""
        future = asyncio.run_coroutine_threadsafe(request(self._client), self._loop)
        return future.result(seconds)

    def close(self) -> None:
        """Stop the server without waiting for its end."""
        self._loop.call_soon_threadsafe(self._task.cancel)

    def _run(self) -> None:
        self._loop.run_until_complete(asyncio.wait([self._task]))
        self._loop.close()


async def _hold(parameters: StdioServerParameters, opened: Future[Client]) -> None:
    """Keep the session open until cancelled; anyio requires one task to enter and leave it."""
    from mcp import Client

    try:
        async with Client(parameters) as client:
            opened.set_result(client)
            await asyncio.Event().wait()
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)


def _parameters(words: list[str], env: dict[str, str]) -> StdioServerParameters:
    from mcp import StdioServerParameters

    if sys.platform == "linux":
        words = [sys.executable, "-c", _TETHER, *words]
    return StdioServerParameters(command=words[0], args=words[1:], env=env)
