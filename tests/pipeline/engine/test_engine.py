"""The engine of generation and serving: what it says where vLLM cannot start it, what it leaves."""

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
TURN, TURN_ID = "<|user|>", 3  # a special token, which texts lack
MARK = "replies: "  # vLLM writes to standard output too
pytestmark = pytest.mark.vllm


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_model_len": 999_999}, r"max_model_len \(999999\) is greater than"),
        ({"no_such": 9}, "unexpected keyword argument 'no_such'"),
    ],
)
def test_an_option_that_vllm_refuses_is_said_in_one_line(
    options: dict[str, Any], said: str
) -> None:
    async def start() -> None:
        LocalEngine(str(STUDENT), options, 1.0)

    with pytest.raises(EngineRefused, match=f"^vLLM cannot start {STUDENT}: .*{said}") as raised:
        asyncio.run(start())
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


LIVES = f"""
import asyncio, json, time
from pipeline.agent.driver import Sampling
from pipeline.engine.engine import LocalEngine

async def start():
    engine = LocalEngine({str(STUDENT)!r}, {{"max_model_len": 1024}}, 1.0)

    async def reply(seed, *stop):
        written = await engine.generate([2, 9, 4], Sampling(2.0, 600, seed, stop))
        return written.text, written.token_ids, written.finish_reason

    # much of what is sampled so wildly holds the token that opens a turn
    free = await asyncio.gather(*(reply(seed) for seed in range(32)))
    seed = next(i for i, (_, token_ids, _) in enumerate(free) if {TURN_ID} in token_ids[10:])
    stopped = free[seed], await reply(seed, free[seed][0][20:23]), await reply(seed, {TURN!r})
    print({MARK!r} + json.dumps(stopped), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    asyncio.run(start())
"""


@dataclass(frozen=True, slots=True)
class Living:
    """A process with an engine, the folder of its temporary files, and the replies that it had: a
    free one, and two that were stopped by a text and by a token in it."""

    process: subprocess.Popen[str]
    folder: Path
    replies: list[tuple[str, list[int], str]]


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "lives.py"
        script.write_text(LIVES)
        environment = {**os.environ, "TMPDIR": folder, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            told = next(line for line in process.stdout if line.startswith(MARK))
            yield Living(process, Path(folder), json.loads(told.removeprefix(MARK)))
        finally:
            process.kill()
            process.wait()


def test_a_reply_ends_with_the_first_text_or_token_that_stops_it(living: Living) -> None:
    (text, token_ids, _), by_text, by_token = living.replies
    wanted = text[20:23]
    assert by_text[0] == text[: text.index(wanted) + len(wanted)]
    assert by_text[1] == token_ids[: len(by_text[1])]
    assert len(by_text[1]) <= 23 < len(token_ids)
    assert by_token[1] == token_ids[: token_ids.index(TURN_ID) + 1]
    assert [by_text[2], by_token[2]] == ["stop", "stop"]


def test_its_sockets_stay_while_it_lives_and_nothing_stays_after_a_kill(living: Living) -> None:
    """Threads of the engine that connect late find the sockets; a thread that did not hung."""
    (sockets,) = living.folder.glob("vllm-*")
    assert sum(path.is_socket() for path in sockets.iterdir()) >= 2
    family = psutil.Process(living.process.pid).children(recursive=True)
    living.process.kill()
    living.process.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    until = time.monotonic() + 10
    while sockets.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not sockets.exists()
