"""The local vLLM engine: start-up errors, stopping of replies, cleanup of its processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.engine.engine import EngineRefused, LocalEngine
from tests.conftest import ROOT

STUDENT = ROOT / "pipeline" / "pocket" / "student"
TURN, TURN_ID = "<|user|>", 3  # a special token, absent from reply texts
MARK = "replies: "  # vLLM also writes to standard output
pytestmark = pytest.mark.vllm


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_model_len": 999_999}, r"max_model_len \(999999\) is greater than"),
        ({"no_such": 9}, "unexpected keyword argument 'no_such'"),
    ],
)
def test_an_option_that_vllm_refuses_is_reported_on_one_line(
    options: dict[str, Any], message: str
) -> None:
    async def start() -> None:
        LocalEngine(str(STUDENT), options, 1.0)

    with pytest.raises(EngineRefused, match=f"^vLLM cannot start {STUDENT}: .*{message}") as raised:
        asyncio.run(start())
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


SCRIPT = f"""
import asyncio, json, time
from pipeline.agent.driver import Sampling, Truncation
from pipeline.engine.engine import LocalEngine

async def start():
    engine = LocalEngine({str(STUDENT)!r}, {{"max_model_len": 1024}}, 1.0)

    async def reply(seed, *stop):
        output = await engine.generate([2, 9, 4], Sampling(2.0, 300, seed, stop))
        return output.text, output.token_ids, output.finish_reason

    # at this temperature many replies contain the token that opens a turn
    free = await asyncio.gather(*(reply(seed) for seed in range(16)))
    seed = next(i for i, (_, token_ids, _) in enumerate(free) if {TURN_ID} in token_ids[10:])
    tokens = []
    engine.on_token = lambda: tokens.append(1)
    assert await asyncio.gather(*(reply(seed) for seed in range(16))) == free
    assert len(tokens) > 2 * 16, tokens  # the first token, and one of each 32
    stopped = free[seed], await reply(seed, free[seed][0][20:23]), await reply(seed, {TURN!r})
    greedy = await engine.generate([2, 9, 4], Sampling(0.0, 20, 0))
    cuts = [Truncation(top_k=1), Truncation(top_p=1e-6), Truncation(min_p=1.0)]
    for cut in cuts:  # the likeliest token alone is left
        cut_off = await engine.generate([2, 9, 4], Sampling(2.0, 20, 0, truncation=cut))
        stopped += ((cut_off.text == greedy.text, [], "cut"),)
    print({MARK!r} + json.dumps(stopped), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    asyncio.run(start())
"""


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """A process with an engine, the folder of its temporary files, and three replies: one without
    stops, one stopped by a text, one stopped by a token; then whether truncated ones are greedy."""

    process: subprocess.Popen[str]
    folder: Path
    replies: list[tuple[str, list[int], str]]


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEngine]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "engine_script.py"
        script.write_text(SCRIPT)
        environment = {**os.environ, "TMPDIR": folder, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith(MARK))
            yield RunningEngine(process, Path(folder), json.loads(line.removeprefix(MARK)))
        finally:
            process.kill()
            process.wait()


def test_a_reply_ends_with_the_first_stop_text_or_stop_token(running: RunningEngine) -> None:
    (text, token_ids, _), by_text, by_token, *_ = running.replies
    stop = text[20:23]
    assert by_text[0] == text[: text.index(stop) + len(stop)]
    assert by_text[1] == token_ids[: len(by_text[1])]
    assert len(by_text[1]) <= 23 < len(token_ids)
    assert by_token[1] == token_ids[: token_ids.index(TURN_ID) + 1]
    assert [by_text[2], by_token[2]] == ["stop", "stop"]


def test_sampling_from_the_likeliest_token_alone_is_greedy(running: RunningEngine) -> None:
    """At temperature 2, by top_k=1, by a tiny top_p and by min_p=1."""
    assert running.replies[3:] == [[True, [], "cut"]] * 3


def test_sockets_exist_while_the_engine_runs_and_nothing_remains_after_a_kill(
    running: RunningEngine,
) -> None:
    """Threads of the engine connect to the sockets late; without the files they hang."""
    (sockets,) = running.folder.glob("vllm-*")
    assert sum(path.is_socket() for path in sockets.iterdir()) >= 2
    children = psutil.Process(running.process.pid).children(recursive=True)
    running.process.kill()
    running.process.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    deadline = time.monotonic() + 10
    while sockets.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not sockets.exists()
