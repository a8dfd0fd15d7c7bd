"""The whole application, started by `python -m serving up` and called over HTTP.

The tests of this file share one service; the last test stops it.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import psutil
import pytest

import toolsets
from pipeline.pocket.models import TOOLSET
from pipeline.recipe.serving import Serving
from tests.conftest import ROOT
from tests.serving.running import Running, serving, unseen_problems, wait_for

pytestmark = [pytest.mark.serve, pytest.mark.vllm, pytest.mark.ray]

KEY = "correct horse"
ONGOING = Serving().max_ongoing
QUEUED = Serving().max_queued
LONG = ("student.engine.max_model_len=2048", "serving.max_tokens=1900")
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add.",
        "parameters": {"type": "object", "properties": {"a": {"type": "number"}}},
    },
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("up"), *LONG, key=KEY) as service:
        yield service


@pytest.fixture
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_the_printed_curl_shows_a_chain_of_calls(running: Running) -> None:
    curl = re.search(r"^  (curl .*)$", running.log.read_text(), re.MULTILINE)
    assert curl is not None
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    shell = subprocess.run(
        curl[1], shell=True, env={"APPRENTICE_API_KEY": KEY}, capture_output=True, check=True
    )
    solved = json.loads(shell.stdout)
    assert solved["stop_reason"] == "answer"
    assert [step["call"]["name"] for step in solved["steps"]][-1] == "answer"
    assert solved["usage"]["calls"] >= 1


def test_the_openai_client_completes_a_chat(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["pocket"]
    done = client.chat.completions.create(
        model="pocket", messages=[{"role": "user", "content": "Hello"}], max_tokens=12
    )
    assert done.choices[0].message.content
    assert done.usage is not None
    assert 1 <= done.usage.completion_tokens <= 12


def test_the_openai_client_streams_the_same_text(client: openai.OpenAI) -> None:
    request: dict[str, Any] = {
        "model": "pocket",
        "messages": [{"role": "user", "content": "Tara has 4 shells."}],
        "temperature": 0,
        "max_tokens": 20,
    }
    whole = client.chat.completions.create(**request)
    chunks = list(client.chat.completions.create(**request, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert len(chunks) > 2
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason


def test_a_clients_own_tools_are_accepted(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(
        model="pocket",
        messages=[{"role": "user", "content": "Add 2 and 3."}],
        tools=[ADD],
        max_tokens=8,
    )
    assert done.choices[0].message.role == "assistant"


def test_invalid_chat_requests_are_refused_with_the_reason(client: openai.OpenAI) -> None:
    def ask(**changes: object) -> None:
        messages = [{"role": "user", "content": "Hello"}]
        client.chat.completions.create(**{"model": "pocket", "messages": messages, **changes})

    with pytest.raises(openai.NotFoundError, match="known: pocket"):
        ask(model="gpt-9")
    with pytest.raises(openai.BadRequestError, match=r"2048.*tokens"):
        ask(messages=[{"role": "user", "content": "7 " * 3000}])
    with pytest.raises(openai.BadRequestError, match="temperature"):
        ask(temperature=-1)
    with pytest.raises(openai.BadRequestError, match="messages"):
        ask(messages=None)
    with pytest.raises(openai.BadRequestError, match=r"serving\.tool_parser"):
        ask(tools=[ADD], tool_choice="required")


def test_without_the_key_only_health_is_answered(running: Running) -> None:
    with httpx.Client(base_url=running.url) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/v1/models").status_code == 401
        unknown = {"Authorization": "Bearer guess"}
        answer = client.post("/v1/solve", json={"problem": "?"}, headers=unknown)
        assert answer.status_code == 401
        assert "not one of" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/metrics", "/v1/completions"])
def test_no_other_route_is_reachable(running: Running, path: str) -> None:
    answer = httpx.get(running.url + path, headers=running.headers)
    assert answer.status_code == 404
    assert path in answer.json()["error"]["message"]


def test_a_body_that_is_too_large_is_refused(running: Running) -> None:
    answer = httpx.post(
        f"{running.url}/v1/solve", headers=running.headers, json={"problem": "7" * 2**20}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("value", [b"0", b"\xff"])
def test_headers_of_a_client_do_not_control_serve(running: Running, value: bytes) -> None:
    headers = {**running.headers, "X-Request-Timeout-Seconds": value}
    assert httpx.get(f"{running.url}/v1/models", headers=headers).status_code == 200


def test_a_function_is_executed(running: Running) -> None:
    url = f"{running.url}/v1/functions/arithmetic/percent_of"
    answer = httpx.post(url, headers=running.headers, json={"percent": 15, "value": 80})
    assert answer.json() == {"ok": True, "content": "12", "error_kind": None}


def test_two_hundred_concurrent_requests_are_all_answered(running: Running) -> None:
    answers = asyncio.run(_solve_all(running, 200))
    assert Counter(answer.status_code for answer in answers) == {200: 200}
    toolset = toolsets.load(TOOLSET)
    for answer in answers:
        _check_results(answer.json(), toolset)


def test_requests_beyond_the_queue_limit_get_429_with_retry_after(running: Running) -> None:
    async def overload() -> list[httpx.Response]:
        async with _decoding_streams(running, ONGOING), httpx.AsyncClient(timeout=60) as keyless:
            solved = asyncio.create_task(_solve_all(running, QUEUED + 50))
            await asyncio.sleep(3)
            refused = await keyless.post(f"{running.url}/v1/solve", content=b"x" * 2**20)
        assert refused.status_code == 401  # a client without a key takes no queue slot
        return await solved

    answers = asyncio.run(overload())
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1


def test_a_client_that_leaves_ends_its_decoding(running: Running) -> None:
    async def leave() -> None:
        async with _decoding_streams(running, 100):
            assert _decoding(running) >= 80

    asyncio.run(leave())  # complete streams would take half a minute
    assert _decoding(running, wait_seconds=15) == 0


def test_prompts_are_in_no_log(running: Running) -> None:
    secret = "Zerubbabel"
    for path, body in {
        "/v1/solve": {"problem": f"{secret} has 3 apples."},
        "/v1/chat/completions": {
            "model": "pocket",
            "messages": [{"role": "user", "content": secret}],
        },
    }.items():
        answer = httpx.post(running.url + path, headers=running.headers, json=body, timeout=60)
        assert answer.status_code == 200
    logs = [path for path in running.ray_folder.rglob("*") if path.is_file()] + [running.log]
    assert len(logs) > 10
    assert [path.name for path in logs if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "deployment", ["Functions", pytest.param("Student", marks=pytest.mark.slow)]
)
def test_a_killed_replica_is_replaced_and_no_answer_is_incorrect(
    running: Running, deployment: str
) -> None:
    async def kill_under_load() -> list[httpx.Response]:
        load = asyncio.create_task(_solve_all(running, 150))
        await asyncio.sleep(0.3)
        running.replica(deployment).send_signal(signal.SIGKILL)
        return await load

    before = running.replica(deployment).pid
    answers = asyncio.run(kill_under_load())
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 503}, statuses
    toolset = toolsets.load(TOOLSET)
    for answer in answers:
        if answer.status_code == 200:
            _check_results(answer.json(), toolset)
        else:
            assert int(answer.headers["retry-after"]) >= 1
    wait_for(lambda: httpx.get(f"{running.url}/healthz").status_code == 200, 120, "healthy again")
    assert running.replica(deployment).pid != before
    again = asyncio.run(_solve_all(running, 20))
    assert {answer.status_code for answer in again} == {200}


def test_a_busy_port_is_named(running: Running) -> None:
    port = running.url.rpartition(":")[2]
    failed = _up("pocket", f"serving.port={port}")
    assert failed.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use" in failed.stderr


def test_exposure_to_other_machines_needs_a_key() -> None:
    failed = _up("pocket", "serving.host=0.0.0.0")
    assert failed.returncode == 2
    assert "needs a bearer key" in failed.stderr


def test_ctrl_c_leaves_no_process_behind(running: Running) -> None:
    processes = running.processes()
    assert len(processes) > 8
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=60) == 0
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert [process.name() for process in alive] == []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", int(running.url.rpartition(":")[2])))


@asynccontextmanager
async def _decoding_streams(running: Running, count: int) -> AsyncIterator[None]:
    """`count` long completions, whose client leaves at the end of the block."""
    body = {
        "model": "pocket",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 1900,
        "ignore_eos": True,
        "stream": True,
    }
    ignored = {"X-Request-Disconnect-Disabled": "?1"}  # dropped by our middleware
    async with running.client() as client:
        client.headers.update(ignored)
        streams = [client.stream("POST", "/v1/chat/completions", json=body) for _ in range(count)]
        answers = await asyncio.gather(*(stream.__aenter__() for stream in streams))
        assert {answer.status_code for answer in answers} == {200}
        yield
        await asyncio.gather(*(answer.aclose() for answer in answers))


async def _solve_all(running: Running, count: int) -> list[httpx.Response]:
    async with running.client() as client:
        bodies = [{"problem": problem.question} for problem in unseen_problems(count)]
        requests = (client.post("/v1/solve", json=body) for body in bodies)
        return await asyncio.gather(*requests)


def _check_results(solved: dict, toolset: toolsets.Toolset) -> None:
    """Check that results are those of the function, and that the answer is the model's."""
    assert solved["stop_reason"] != "engine_error"
    for step in solved["steps"]:
        call, result = step["call"], step["result"]
        if call and result:
            parsed = toolsets.ToolCall(call["name"], call["arguments"], step["reply"])
            assert toolset.execute(parsed).content == result["content"]
    if solved["stop_reason"] == "answer":
        assert str(solved["steps"][-1]["call"]["arguments"]["value"]) == solved["answer"]


UNFINISHED = """
import ray, sys, time
from ray import serve
ray.init(logging_level="ERROR")
student = serve.get_deployment_handle("Student", "apprentice")
end = time.monotonic() + float(sys.argv[1])
while (count := student.unfinished.remote().result()) and time.monotonic() < end:
    time.sleep(0.5)
print(count)
"""


def _decoding(running: Running, wait_seconds: float = 0) -> int:
    """Number of requests in the student's engine, asked of the replica until it is 0 or the time is
    over."""
    done = subprocess.run(
        [sys.executable, "-c", UNFINISHED, str(wait_seconds)],
        env=running.ray | {"RAY_ADDRESS": running.ray_address(), "RAY_BACKEND_LOG_LEVEL": "fatal"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def _up(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serving", "up", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
