"""Generation, evaluation and serving make identical chains from the same scripted replies.

Generation and evaluation are the real stages, run by this file as a program with Ray Data, actors,
executors and Parquet; serving is the real routes. Only the engine is scripted.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import toolsets
from pipeline import tables
from pipeline.agent.agent import dialect_of
from pipeline.agent.driver import Rollout, limits_of
from pipeline.agent.transcript import ChatTemplate
from pipeline.engine.tool_parsers import reader_maker
from pipeline.generation.prepared import Run
from pipeline.generation.stage import generate_stage
from pipeline.pocket.models import TOOLSET, folder
from pipeline.recipe.load import Recipe, load
from pipeline.run.run import evaluate_stage, prepare
from pipeline.run_dir import RunDir
from serving.http import Service
from serving.solve import chain_json
from tests.conftest import ROOT
from tests.pipeline.agent.scripted import ScriptedEngine
from tests.pipeline.cli import environment
from tests.serving.scripted import ScriptedChat, ask

pytestmark = pytest.mark.ray

Stage = Callable[[Run], None]

SCRIPT = {
    "Ava has 3 bags of 4 pens and loses 2. How many pens?": [
        "multiply(a=3, b=4)",
        "Then two are gone.\nsubtract(12, b=2)",
        "answer(value=10)",
    ],
    "Everything goes wrong once. What is 7 and 0.5?": [
        "I would add them.",
        "sqrt(a=7)",
        "add(a=7)",
        "divide(a=7, b=0)",
        'think(thought="Adding it is.")',
        "add(a=7, b=0.5)",
        'answer(value="7.5")',
    ],
    "No answer ever comes?": ['think(thought="Hm.")'] * 8,
    "What does a long reply say?": ["0" * 1000] * 8,
    "Is there never a call?": ["No."] * 8,
}
STOPS = ["answer", "answer", "max_steps", "context_full", "max_failures"]
RECIPE = {
    "toolset": TOOLSET,
    "agent": {"max_steps": 8, "max_failures": 7, "reply_tokens": 64},
    "evaluate": {"models": ["student_before"], "splits": ["test"]},
    "pairs": {"rejected_from": ["teacher"]},
    "cluster": {"batch_tasks": 3},  # two blocks
}
MODEL = {"engine": {"max_model_len": 800}, "samples": {"min": 1, "max": 1}}


class FolderEngine(ScriptedEngine):
    """Built from a model folder like vLLM; the folder contains the script."""

    dead = False
    capacity = None

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        script = json.loads((Path(model) / "script.json").read_text())
        super().__init__(AutoTokenizer.from_pretrained(model), script, options["max_model_len"])


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe whose teacher and student use one script; train and test have the same questions."""
    place = tmp_path_factory.mktemp("drivers")
    shutil.copytree(folder("student"), place / "model")
    (place / "model" / "script.json").write_text(json.dumps(SCRIPT))
    problems = [
        {"problem_id": f"{split}-{i}", "question": question, "answer": "10", "split": split}
        for split in ("train", "test")
        for i, question in enumerate(SCRIPT)
    ]
    (place / "problems.jsonl").write_text("\n".join(map(json.dumps, problems)))
    model = MODEL | {"model": str(place / "model")}
    same_problems = {"path": str(place / "problems.jsonl"), "decontaminate_ngram": None}
    settings = {"problems": same_problems, "teacher": model, "student": model}
    (place / "recipe.yaml").write_text(json.dumps(RECIPE | settings))  # JSON is YAML
    return place / "recipe.yaml"


@pytest.fixture(scope="module")
def run(recipe: Path) -> RunDir:
    """The run directory after the stages `generate` and `evaluate`."""
    place = recipe.parent / "run"
    command = [sys.executable, "-m", "tests.test_drivers", str(recipe), str(place)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return RunDir(place)


@pytest.fixture(scope="module")
def served(recipe: Path) -> dict[str, dict[str, Any]]:
    """Responses of POST /v1/solve by question."""
    chosen = load(str(recipe))
    engine = FolderEngine(chosen.student.model, chosen.student.engine, 0)
    return solved(chosen, engine, SCRIPT)


def test_the_script_covers_stop_reasons_and_error_kinds(
    served: Mapping[str, dict[str, Any]],
) -> None:
    assert [chain["stop_reason"] for chain in served.values()] == STOPS
    steps = [step for chain in served.values() for step in chain["steps"]]
    assert {step["result"]["error_kind"] for step in steps if step["result"]} == {
        None,
        "unparseable_call",
        "unknown_function",
        "bad_arguments",
        "function_error",
    }


def test_generation_evaluation_and_serving_make_identical_chains(
    run: RunDir, served: Mapping[str, dict[str, Any]]
) -> None:
    assert dict(stored(run.chains)) == served
    assert dict(stored(run.evaluation)) == served


def solved(recipe: Recipe, engine: FolderEngine, questions: Iterable[str]) -> dict[str, Any]:
    """Responses of POST /v1/solve for the student by question, without Serve."""
    native = reader_maker(recipe.native_parser(recipe.student), engine.tokenizer)
    dialect = dialect_of(recipe.toolset, recipe.agent, native)

    async def health() -> tuple[str, ...]:
        return ()

    with toolsets.Executor(toolsets.load(recipe.toolset)) as executor:
        rollout = Rollout(
            dialect=dialect,
            template=ChatTemplate(engine.tokenizer, dialect.tools),
            engine=engine,
            runner=executor,
            limits=limits_of(recipe.agent, retries=0),
            temperature=0.0,
        )
        service = Service("student", rollout, {}, ScriptedChat(), health)
        answers = {q: ask(service, "POST", "/v1/solve", json={"problem": q}) for q in questions}
    return {question: without_names(answer.json()) for question, answer in answers.items()}


def stored(chains: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The chains of a folder in the form of POST /v1/solve, by question."""
    for row in tables.rows(chains):
        question = row["problem"]["question"]
        yield question, without_names(chain_json(tables.chain_of(row), question))


def without_names(chain: dict[str, Any]) -> dict[str, Any]:
    """A chain without its id and model, which differ between drivers."""
    return {key: value for key, value in chain.items() if key not in ("id", "model")}


def run_stages(
    recipe: str,
    place: str,
    engine_class: str,
    stages: Sequence[Stage] = (generate_stage, evaluate_stage),
) -> None:
    """Run stages with scripted engines on a private Ray."""
    from cluster.session import connect

    Path(place).mkdir()
    prepared = prepare(load(recipe), RunDir(Path(place)))
    scripted = replace(prepared, engine_class=engine_class)
    with connect(ROOT, cpus=2):
        for stage in stages:
            stage(scripted)


if __name__ == "__main__":
    run_stages(*sys.argv[1:], engine_class=f"tests.test_drivers:{FolderEngine.__name__}")
