"""The engine of generation and serving: what it says where vLLM cannot start it, what it leaves."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.engine import EngineRefused, LocalEngine
from tests.conftest import ROOT

STUDENT = ROOT / "pipeline" / "pocket" / "student"
TURN, TURN_ID = "<|user|>", 3  # a special token, which texts lack
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


STOPS = f"""
import asyncio, json
from cluster.engine import LocalEngine

async def replies():
    engine = LocalEngine({str(STUDENT)!r}, {{"max_model_len": 1024}}, 1.0)

    async def reply(seed, *stop):
        written = await engine.generate([2, 9, 4], 2.0, 600, seed, stop)
        return written.text, written.token_ids, written.finish_reason

    # much of what is sampled so wildly holds the token that opens a turn
    free = await asyncio.gather(*(reply(seed) for seed in range(32)))
    seed = next(i for i, (_, token_ids, _) in enumerate(free) if {TURN_ID} in token_ids[10:])
    stopped = free[seed], await reply(seed, free[seed][0][20:23]), await reply(seed, {TURN!r})
    engine.close()
    print(json.dumps(stopped))

if __name__ == "__main__":
    asyncio.run(replies())
"""


def test_a_reply_ends_with_the_first_text_or_token_that_stops_it(tmp_path: Path) -> None:
    script = tmp_path / "stops.py"
    script.write_text(STOPS)
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    free, by_text, by_token = json.loads(done.stdout.splitlines()[-1])
    text, token_ids, _ = free
    wanted = text[20:23]
    assert by_text[0] == text[: text.index(wanted) + len(wanted)]
    assert by_text[1] == token_ids[: len(by_text[1])]
    assert len(by_text[1]) <= 23 < len(token_ids)
    assert by_token[1] == token_ids[: token_ids.index(TURN_ID) + 1]
    assert [by_text[2], by_token[2]] == ["stop", "stop"]


LIVES = f"""
import asyncio, sys, time
from cluster.engine import LocalEngine

async def start():
    engine = LocalEngine({str(STUDENT)!r}, {{}}, 1.0)
    await engine.generate([1, 2, 3], 0.0, 1, 0)
    print("answered", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    asyncio.run(start())
"""


def test_its_sockets_stay_while_it_lives_and_nothing_stays_after_a_kill() -> None:
    """Threads of the engine that connect late find the sockets; a thread that did not hung."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "lives.py"
        script.write_text(LIVES)
        environment = {**os.environ, "TMPDIR": folder, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            assert "answered\n" in iter(process.stdout.readline, "")  # vLLM writes there too
            (sockets,) = Path(folder).glob("vllm-*")
            assert sum(path.is_socket() for path in sockets.iterdir()) >= 2
            family = psutil.Process(process.pid).children(recursive=True)
        finally:
            process.kill()
            process.wait()
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == []
        until = time.monotonic() + 10
        while sockets.exists() and time.monotonic() < until:
            time.sleep(0.1)
        assert not sockets.exists()
