"""The strategy `corrected` in the real stages: the teacher continues from the student's steps.

This file, run as a program, uses Ray Data, actors, executors and Parquet. Only the engines are
scripted.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from pipeline import tables
from pipeline.agent.driver import Sampling
from pipeline.generation.stage import generate_stage
from pipeline.pocket.models import TOOLSET, folder
from pipeline.recipe.load import load
from pipeline.records import Reply
from pipeline.run.run import pairs_stage, prepare
from pipeline.run_dir import RunDir
from tests.conftest import ROOT
from tests.pipeline.agent.scripted import ScriptedEngine
from tests.pipeline.cli import environment

pytestmark = [pytest.mark.ray, pytest.mark.slow]

QUESTION = "Ava has 3 bags of 4 pens and loses 2. How many pens?"
STUDENT = ["multiply(a=3, b=4)", "add(a=12, b=2)", "add(a=14, b=0)", "answer(value=14)"]
# text in the prompt -> reply; the first match applies
RULES = {
    "teacher": {
        STUDENT[1]: "answer(value=14)",  # misled by the student's mistake
        "subtract(a=12": "answer(value=10)",
        "multiply(a=3": "subtract(a=12, b=2)",
        "": "multiply(a=3, b=4)",
    },
    "student": {
        STUDENT[2]: STUDENT[3],
        STUDENT[1]: STUDENT[2],
        STUDENT[0]: STUDENT[1],
        "": STUDENT[0],
    },
}


class RuledEngine(ScriptedEngine):
    """Created with the same arguments as VllmEngine; replies by the rules in the model folder."""

    dead = False
    capacity = None

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        super().__init__(AutoTokenizer.from_pretrained(model), {}, options["max_model_len"])
        self._rules = json.loads((Path(model) / "rules.json").read_text())

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        prompt = self.tokenizer.decode(list(prompt_token_ids))
        text = next(reply for pattern, reply in self._rules.items() if pattern in prompt)
        return self._reply(text, sampling)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """The run directory after `generate`, twice, and `pairs`."""
    place = tmp_path_factory.mktemp("corrected")
    models = {}
    for name, rules in RULES.items():
        shutil.copytree(folder("student"), place / name)
        (place / name / "rules.json").write_text(json.dumps(rules))
        models[name] = {
            "model": str(place / name),
            "engine": {"max_model_len": 800},
            "samples": {"min": 1, "max": 2, "until": {"correct": 1, "incorrect": 0}},
        }
    problem = {"question": QUESTION, "answer": "10", "split": "train", "problem_id": "pens"}
    (place / "problems.jsonl").write_text(json.dumps(problem))
    recipe = models | {
        "toolset": TOOLSET,
        "problems": {"path": str(place / "problems.jsonl")},
        "pairs": {"strategies": {"corrected": 1}, "per_problem": 4},
    }
    (place / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    arguments = [str(place / "recipe.yaml"), str(place / "run")]
    command = [sys.executable, "-m", "tests.pipeline.generation.test_corrected_run", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return RunDir(place / "run")


def test_the_teacher_continues_from_each_step_of_an_incorrect_chain(run: RunDir) -> None:
    rows = {row["task_id"]: row for row in tables.rows(run.chains)}
    assert sorted(rows) == [
        "pens/student/0",
        "pens/student/1",
        *(f"pens/teacher/{place}" for place in ("0", *_after(0), *_after(1))),
    ]
    chains = {
        name: (row["prefix_steps"], row["correct"], [step["reply"] for step in row["steps"]])
        for name, row in rows.items()
    }
    correct = ["multiply(a=3, b=4)", "subtract(a=12, b=2)", "answer(value=10)"]
    assert chains["pens/teacher/0"] == (0, True, correct)
    assert chains["pens/teacher/after/0/1"] == (1, True, correct)
    assert chains["pens/teacher/after/0/2"] == (2, False, [*STUDENT[:2], "answer(value=14)"])
    assert chains["pens/teacher/after/0/3"] == (3, False, STUDENT)
    replayed = rows["pens/teacher/after/0/2"]["steps"][1]
    assert replayed["result"] == {"ok": True, "content": "14", "error_kind": None}


def test_the_teachers_continuation_is_preferred_from_the_first_fatal_step(run: RunDir) -> None:
    (pair,) = tables.rows(run.pairs)  # the student's second chain gives the same pair
    assert [message["content"] for message in pair["prompt"][2:]] == ["multiply(a=3, b=4)", "12"]
    assert [message["content"] for message in pair["chosen"]] == [
        "subtract(a=12, b=2)",
        "10",
        "answer(value=10)",
    ]
    assert [message["content"] for message in pair["rejected"]] == [
        "add(a=12, b=2)",
        "14",
        "add(a=14, b=0)",
        "14",
        "answer(value=14)",
    ]
    assert pair["chosen_chain_id"] == "pens/teacher/after/0/1"
    (supervised,) = tables.rows(run.pairs / "supervised")
    assert supervised["chain_id"] == "pens/teacher/0"


def test_continued_chains_are_counted_separately(run: RunDir) -> None:
    stages = run.read()["stages"]
    assert stages["generate"]["chains"] == {
        "teacher": 1,
        "teacher right": 1,
        "student": 2,
        "student right": 0,
        "teacher continued": 6,
        "teacher continued right": 2,
    }
    assert stages["generate"]["rows_out"] == 9
    assert stages["pairs"]["dropped"] == {"the same pair twice": 1}


def test_the_same_command_again_makes_no_chains(run: RunDir) -> None:
    """The fixture generates twice: every task exists once, and samples are counted without
    continued chains."""
    tasks = [row["task_id"] for row in tables.rows(run.tasks)]
    assert len(tasks) == len(set(tasks)) == 9
    assert len(list(tables.rows(run.chains))) == 9


def _after(sample: int) -> list[str]:
    return [f"after/{sample}/{steps}" for steps in (1, 2, 3)]


def run_stages(recipe: str, place: str) -> None:
    """Run `generate` twice, then `pairs`, with RuledEngine on a private Ray."""
    from cluster.session import connect

    Path(place).mkdir()
    prepared = prepare(load(recipe), RunDir(Path(place)))
    engine = f"tests.pipeline.generation.test_corrected_run:{RuledEngine.__name__}"
    scripted = replace(prepared, engine_class=engine)
    with connect(ROOT, cpus=2):
        generate_stage(scripted)
        generate_stage(scripted)
    pairs_stage(scripted)


if __name__ == "__main__":
    run_stages(*sys.argv[1:])
