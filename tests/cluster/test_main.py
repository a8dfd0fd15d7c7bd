"""python -m cluster without a cluster: bad input, and checks of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from cluster.__main__ import STAGES, main
from cluster.resources import Capacity
from pipeline.generation.pool import requirements
from pipeline.recipe.load import load
from tests.conftest import ROOT

HELP_SECONDS = 0.5
GPUS = Capacity(({"CPU": 64.0, "GPU": 8.0},))
CPUS = Capacity(({"CPU": 64.0},))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "pockt"], "recipe 'pockt' does not exist; did you mean pocket?"),
        (["check", "pocket", "train.bata=1"], "unknown key train.bata"),
        (["submit", "pockt"], "recipe 'pockt' does not exist; did you mean pocket?"),
        (["submit", "pocket", "cluster.actors_max=0"], "cluster.actors_max"),
        (["submit", "pocket", "--run-dir", "here"], "--run-dir here is relative"),
        (["jobs", "--address", "ray://head:10001"], "expected http://HOST:8265"),
        (["check", "pocket", "cluster.engine_cpus=1000"], "can never run generate: it needs 1"),
        (["check", "pocket", "--run-dir", f"{__file__}/run"], "Not a directory"),
        (
            ["check", "pocket", "teacher.engine.tensor_parallel_size=3"],
            "teacher.engine.tensor_parallel_size is 3, which does not divide the 8 attention heads "
            "of teacher.model pocket",
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error
    assert error.count("\n") == 1


def test_check_answers_for_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "pocket", "cluster.train_cpus=1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["verdict"] == "now"
    assert result["stages"]["generate"]["there"] >= 1
    assert main(["check", "pocket", "cluster.train_cpus=1"]) == 0
    assert "fits on the current nodes" in capsys.readouterr().out


def test_a_model_that_is_not_on_disk_is_neither_checked_nor_downloaded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["check", "pocket", "cluster.train_cpus=1", "student.model=nobody/none"]
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "now"
    assert err == (
        "warning: student.model nobody/none is not available here: neither its context nor the "
        "split of its attention heads was checked\n"
    )


def test_an_engine_takes_a_gpu_per_rank_if_the_cluster_has_gpus() -> None:
    overrides = ["teacher.engine.tensor_parallel_size=4", "cluster.actors_max=2"]
    needs = {need.stage: need for need in requirements(load("pocket", overrides), GPUS, STAGES)}
    assert needs["generate"].bundle == {"CPU": 1, "GPU": 4}
    assert (needs["generate"].at_least, needs["generate"].at_most) == (1, 2)
    assert needs["train"].bundle == {"CPU": 2, "GPU": 1}
    without = requirements(load("pocket", overrides), CPUS, STAGES)
    assert [need.bundle["GPU"] for need in without] == [0, 0, 0]


def test_a_teacher_endpoint_needs_no_gpu() -> None:
    overrides = ["teacher.endpoint=http://host/v1", "teacher.engine.tensor_parallel_size=4"]
    student = ["student.engine.tensor_parallel_size=2", "cluster.engine_gpus=1"]
    for options, gpus in (([], 1), (student, 2)):
        generate, *_ = requirements(load("pocket", [*overrides, *options]), GPUS, STAGES)
        assert generate.bundle == {"CPU": 1, "GPU": gpus}


def test_gpus_set_in_the_recipe_are_required() -> None:
    needs = requirements(load("paper"), CPUS, STAGES)
    assert [need.bundle["GPU"] for need in needs] == [4, 1, 4]
    assert needs[1].at_least == needs[1].at_most == 8


def test_only_the_requested_stage_is_checked() -> None:
    assert [need.stage for need in requirements(load("paper"), CPUS, ["train"])] == ["train"]
    assert requirements(load("paper"), CPUS, ["pairs"]) == []


def test_help_answers_in_under_half_a_second() -> None:
    def once() -> float:
        start = time.perf_counter()
        command = [sys.executable, "-m", "cluster", "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert "usage" in done.stdout
        return time.perf_counter() - start

    assert min(once() for _ in range(5)) < HELP_SECONDS
