"""Jobs on a real cluster without workers yet: submitted, followed, stopped, refused."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.job_cluster import JobCluster, command, job_cluster, run
from tests.conftest import ROOT

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

AUTOSCALING = {  # no test requests a node, so none is started
    "max_workers": 3,
    "available_node_types": {
        "cpu": {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 2},
        "gpu": {"resources": {"CPU": 4, "GPU": 2}, "node_config": {}, "max_workers": 2},
    },
}
COUNTING = "for i in $(seq 1000); do echo line $i; sleep 0.3; done"


@pytest.fixture(scope="module")
def cluster() -> Iterator[JobCluster]:
    with job_cluster(AUTOSCALING) as cluster:
        yield cluster


@pytest.fixture
def counting(cluster: JobCluster) -> Iterator[str]:
    """The id of a job that writes three lines per second for five minutes."""
    job_id = submit(cluster, COUNTING)
    yield job_id
    run("stop", job_id, env=cluster.over_http())


def test_check_over_http_counts_nodes_that_can_be_added(cluster: JobCluster) -> None:
    done = run("check", "pocket", "cluster.actors_max=4", "--json", env=cluster.over_http())
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["verdict"] == "later"
    generate = result["stages"]["generate"]
    assert generate["bundle"] == {"CPU": 1, "GPU": 1}
    assert (generate["at_least"], generate["at_most"]) == (1, 4)
    assert (generate["there"], generate["can_come"]) == (0, 4)


def test_check_on_a_node_counts_the_same(cluster: JobCluster) -> None:
    done = run("check", "pocket", "--stage", "train", "--json", env=cluster.environment())
    assert done.returncode == 0, done.stderr
    stages = json.loads(done.stdout)["stages"]
    assert list(stages) == ["train"]
    assert (stages["train"]["there"], stages["train"]["can_come"]) == (0, 4)


def test_a_run_that_never_fits_is_refused_before_it_starts(
    cluster: JobCluster, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    done = run("submit", "paper", "--run-dir", run_dir, env=cluster.over_http())
    assert done.returncode == 2
    assert "can never run generate: it needs 1 engine of 1 CPU and 4 GPUs at once" in done.stdout
    assert "0 fit now, 0 at most" in done.stdout
    assert not run_dir.exists()


def test_a_recipe_file_is_passed_to_its_job(cluster: JobCluster, tmp_path: Path) -> None:
    recipe = tmp_path / "my own.yaml"
    recipe.write_text((ROOT / "pipeline" / "recipes" / "pocket.yaml").read_text())
    options = ("problems.counts.train=7", "--dry-run", "--run-dir", tmp_path / "run")
    done = run("submit", recipe, *options, "--json", env=cluster.over_http())
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["job_id"].startswith("apprentice-my-own-")
    assert (result["status"], result["exit_code"]) == ("SUCCEEDED", 0)
    assert "200 ood, 500 test, 7 train" in done.stderr  # the log
    assert not (tmp_path / "run").exists()


def test_ctrl_c_stops_following_and_not_the_job(cluster: JobCluster, counting: str) -> None:
    follower = start_following(cluster, counting)
    assert follower.stdout and follower.stderr
    read_until(follower, "line 3")
    follower.send_signal(signal.SIGINT)
    error = follower.stderr.read()
    assert follower.wait(timeout=20) == 130
    assert f"job {counting} continues" in error
    assert f"python -m cluster follow {counting}" in error
    assert "Traceback" not in error

    listed = json.loads(run("jobs", "--json", env=cluster.over_http()).stdout)["jobs"]
    assert {job["job_id"]: job["status"] for job in listed}[counting] == "RUNNING"
    stopped = run("stop", counting, env=cluster.over_http())
    assert stopped.stdout == f"job {counting} was stopped\n"
    again = run("follow", counting, env=cluster.over_http())
    assert again.returncode == 1
    assert "line 3\n" in again.stdout
    assert again.stderr == f"job {counting} stopped\n"


def test_following_survives_a_lost_connection_without_losing_or_repeating_a_line(
    cluster: JobCluster, counting: str
) -> None:
    with CuttableProxy(int(cluster.dashboard.rpartition(":")[2])) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        follower = start_following(cluster, counting, "--address", address)
        lines = read_until(follower, "line 3")
        proxy.cut()
        lines += read_until(follower, "line 20")
        follower.kill()
        follower.communicate()
    counted = [line for line in lines if line.startswith("line ")]
    assert counted == [f"line {number}" for number in range(1, 21)]


def test_a_job_has_our_code_and_a_failed_job_is_reported(cluster: JobCluster) -> None:
    job_id = submit(cluster, "ls -A; which python; exit 3", ROOT)
    done = run("follow", job_id, env=cluster.over_http())
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert {"pipeline", "toolsets", "cluster"} <= set(lines)
    assert {".git", ".venv", "runs", ".pytest_cache"} & set(lines) == set()
    # Ray's own line on the entrypoint may come before or after what the job writes
    written = [line for line in lines if not line.startswith("Running entrypoint for job ")]
    assert written[-1] == str(Path(sys.executable).with_name("python"))
    assert f"job {job_id} failed" in done.stderr


@pytest.mark.parametrize("verb", ["follow", "stop"])
def test_an_unknown_job_is_named(cluster: JobCluster, verb: str) -> None:
    done = run(verb, "apprentice-none", env=cluster.over_http())
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {cluster.dashboard} has no job 'apprentice-none'; "
        "python -m cluster jobs lists its jobs\n"
    )


@pytest.mark.parametrize(("server", "wrong"), [("head", "another"), ("dashboard", "none")])
def test_a_wrong_token_is_refused_in_one_sentence(
    cluster: JobCluster, server: str, wrong: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("0" * 64)
    env = cluster.environment() if server == "head" else cluster.over_http()
    tokens = {
        "another": {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")},
        "none": {"RAY_AUTH_MODE": "disabled"},
    }
    started = time.monotonic()
    done = run("check", "pocket", env=env | tokens[wrong])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "refuses our token; set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH" in done.stderr
    assert time.monotonic() - started < 30


class CuttableProxy:
    """A TCP proxy to a port of this machine whose connections can be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._ends: list[socket.socket] = []

    def __enter__(self) -> CuttableProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Close every connection."""
        ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # cut
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def submit(cluster: JobCluster, entrypoint: str, root: Path = ROOT / "cluster") -> str:
    """Submit a command as a job, in a new process because Ray's client never forgets its token."""
    script = (
        "import pathlib, sys; from cluster.jobs import Jobs; "
        "print(Jobs().submit('test', sys.argv[1], pathlib.Path(sys.argv[2])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, entrypoint, str(root)],
        cwd=ROOT,
        env=cluster.over_http(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def start_following(cluster: JobCluster, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("follow", *arguments),
        cwd=ROOT,
        env=cluster.over_http() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], last: str) -> list[str]:
    """The lines that a process writes, until the line `last`."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if lines[-1] == last:
            return lines
    raise AssertionError(f"ended before {last!r}: {lines}")
