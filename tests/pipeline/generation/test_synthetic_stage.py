"""Synthetic problems by a scripted student in a real stage: Ray Data, actors, executors, Parquet.

This file, run as a program, runs the stage.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import toolsets
from pipeline import tables
from pipeline.agent.driver import EngineError, Sampling
from pipeline.errors import CannotStart
from pipeline.generation.stage import generate_stage
from pipeline.generation.synthetic_stage import writer_settings
from pipeline.pocket.models import TOOLSET, folder
from pipeline.problems.reader import read_problems
from pipeline.problems.synthetic import requests
from pipeline.recipe.load import load
from pipeline.recipe.problems import SelfMade
from pipeline.records import Reply
from pipeline.run.run import prepare
from pipeline.run_dir import RunDir
from tests.conftest import ROOT
from tests.pipeline.cli import environment
from tests.pipeline.generation.chain_files import without_engine
from tests.test_drivers import FolderEngine

HERE = "tests.pipeline.generation.test_synthetic_stage"
COUNT = 12
SHEEP, GOATS, TEST, ODD = (
    "A shepherd buys 3 sheep and then 4 more. How many does he buy?",
    "Two farms have 5 goats each, 10 in all, and sell 4. How many stay?",
    "Mia reads 6 pages and then 9 pages. How many pages does she read?",
    "Leo walks 8 miles a day. How far does he walk in a week?",
)
CHAINS = {
    SHEEP: ["add(a=3, b=4)", "answer(value=7)"],
    GOATS: ["add(a=5, b=5)", "answer(value=10)"],  # another answer than in WRITTEN
}
WRITTEN = {  # by the training question of the few-shot example
    "What is 1 and 2?": f"{SHEEP}\nSolution:\nadd(a=3, b=4) -> 7\nanswer(value=7)",
    "What is 2 and 3?": f"{GOATS}\nSolution:\nsubtract(a=10, b=4) -> 6\nanswer(value=6)",
    "What is 3 and 4?": f"{TEST}\nSolution:\nadd(a=6, b=9) -> 15\nanswer(value=15)",
    "What is 4 and 5?": f"{ODD}\nSolution:\nmultiply(a=8, b=7) -> 56\nanswer(value=56)",
}
REASONS = dict(zip(WRITTEN, (None, "not_agreed", "known", "unfounded_number"), strict=True))
SCRIPT = (
    {f"Problem: {shown}": [written] for shown, written in WRITTEN.items()}
    | CHAINS
    | {
        question: [f"add(a={i}, b={i + 1})", "answer(value=0)"]
        for i, question in enumerate(WRITTEN, start=1)
    }
)
RECIPE = {
    "toolset": TOOLSET,
    "agent": {"max_steps": 4, "reply_tokens": 100},
    "pairs": {"rejected_from": ["teacher"]},
    "cluster": {"batch_tasks": 8, "max_error_share": 1.0, "max_errors_in_a_row": None},
}
MODEL = {"engine": {"max_model_len": 1800}, "samples": {"min": 1, "max": 1}}
SELF_MADE = {"count": COUNT, "examples": 1, "votes": 2, "reply_tokens": 400}


class AwayEngine(FolderEngine):
    """Fails to write problems after the first example, as long as its model folder has a file
    `away`."""

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        super().__init__(model, options, kv_cache_gib)
        self._away = (Path(model) / "away").exists()

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        prompt = self.tokenizer.decode(list(prompt_token_ids))
        if self._away and f"Problem: {next(iter(WRITTEN))}" in prompt:
            raise EngineError("the engine is away")
        return await super().generate(prompt_token_ids, sampling)


def _problems() -> list[dict[str, Any]]:
    training = [
        {
            "problem_id": f"train-{i}",
            "question": question,
            "answer": str(2 * i + 1),
            "split": "train",
            "task": "arithmetic",
            "reference": [f"{i}+{i + 1}={2 * i + 1}"],
        }
        for i, question in enumerate(WRITTEN, start=1)
    ]
    test = {"problem_id": "test-1", "question": TEST, "answer": "15", "split": "test"}
    return [*training, test]


def _recipe(place: Path, problems: list[dict[str, Any]]) -> Path:
    (place / "problems.jsonl").write_text("\n".join(map(json.dumps, problems)))
    shutil.copytree(folder("student"), place / "model")
    (place / "model" / "script.json").write_text(json.dumps(SCRIPT))
    model = MODEL | {"model": str(place / "model")}
    section = {"path": str(place / "problems.jsonl"), "self_made": SELF_MADE}
    path = place / "recipe.yaml"
    path.write_text(json.dumps(RECIPE | {"problems": section, "teacher": model, "student": model}))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """The run directory after `generate` ran three times: with an engine that fails to write the
    only good problem, with --redo-errors and a working one, and without an engine."""
    place = tmp_path_factory.mktemp("writing")
    recipe = _recipe(place, _problems())
    command = [sys.executable, "-m", HERE, str(recipe), str(place / "run")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return RunDir(place / "run")


@pytest.fixture(scope="module")
def examples(run: RunDir) -> dict[str, str]:
    """The training question of each request's few-shot example, by the request's id."""
    known = read_problems(str(run.path.parent / "problems.jsonl")).problems
    prompts = requests(known, toolsets.load(TOOLSET), COUNT, 1, seed=0)
    return {r.problem_id: next(q for q in WRITTEN if q in r.question) for r in prompts}


@pytest.mark.ray
@pytest.mark.slow
def test_only_the_new_verified_problem_is_accepted_with_its_calls(run: RunDir) -> None:
    rows = [json.loads(line) for line in (run.self_made / "problems.jsonl").open()]
    assert [(row["question"], row["answer"]) for row in rows] == [(SHEEP, "7")]
    assert (rows[0]["task"], rows[0]["split"]) == ("arithmetic", "train")
    assert rows[0]["reference"] == ["add(a=3, b=4)"]


@pytest.mark.ray
@pytest.mark.slow
def test_every_other_problem_is_rejected_with_its_reason(
    run: RunDir, examples: dict[str, str]
) -> None:
    rows = [json.loads(line) for line in (run.rejects / "self_made.jsonl").open()]
    rejects = {row["problem_id"]: row for row in rows}
    assert len(rejects) == COUNT - 1
    accepted, refused = "", Counter[str]()
    for name, question in examples.items():
        if name not in rejects:
            assert not accepted, "the same problem twice"
            accepted = question
            continue
        reason = REASONS[question]
        repeats = accepted == question or refused[question] > 0
        expected = "known" if reason in (None, "not_agreed") and repeats else reason
        refused[question] += 1
        assert rejects[name]["reason"] == expected
    assert REASONS[accepted] is None
    assert all(row["written"] in WRITTEN.values() and row["detail"] for row in rows)
    facts = run.facts("generate")["self_made"]
    assert facts == {
        "asked": COUNT,
        "kept": 1,
        "refused": dict(Counter(row["reason"] for row in rows)),
    }
    assert set(facts["refused"]) == {"not_agreed", "known", "unfounded_number"}


@pytest.mark.ray
@pytest.mark.slow
def test_chains_are_made_for_the_accepted_problem_as_for_any_other(run: RunDir) -> None:
    rows = {row["problem"]["question"]: row for row in tables.rows(run.chains)}
    assert set(rows) == {SHEEP, *WRITTEN}
    assert rows[SHEEP]["correct"]
    assert run.facts("generate")["rows_in"] == len(WRITTEN) + 1


def _prepare(place: Path, problems: list[dict[str, Any]]) -> None:
    prepare(load(str(_recipe(place, problems))), RunDir(place / "run"))


def test_a_problem_is_written_to_its_end_though_a_stop_text_ends_a_call(tmp_path: Path) -> None:
    config = SelfMade(count=1, reply_tokens=300, temperature=0.7)
    solving = replace(without_engine(tmp_path), stop=(")", "\n"), temperature=0.2)
    writing = writer_settings(solving, config, tmp_path / "written")
    assert (writing.stop, writing.temperature, writing.writes) == ((), 0.7, True)
    assert (writing.agent.max_steps, writing.agent.reply_tokens) == (1, 300)
    assert solving.stop == (")", "\n")


@pytest.mark.ray
@pytest.mark.slow
def test_votes_are_not_the_training_chains(run: RunDir) -> None:
    votes = {row["task_id"]: row["seed"] for row in tables.rows(run.self_made / "solved")}
    chains = {row["task_id"]: row["seed"] for row in tables.rows(run.chains)}
    assert votes and not votes.keys() & chains.keys()
    assert not {*votes.values()} & {*chains.values()}


def test_without_a_reference_solution_for_an_example_nothing_starts(tmp_path: Path) -> None:
    bare = [{key: value for key, value in p.items() if key != "reference"} for p in _problems()]
    with pytest.raises(CannotStart, match=r"problems\.self_made needs training problems with ref"):
        _prepare(tmp_path, bare)


def test_an_id_reserved_for_synthetic_problems_is_refused(tmp_path: Path) -> None:
    first, *others = _problems()
    with pytest.raises(CannotStart, match=r"ids such as self-000003, which one of"):
        _prepare(tmp_path, [first | {"problem_id": "self-000003"}, *others])


def run_stage(recipe: str, place: str) -> None:
    """Run `generate` with scripted engines on a private Ray, then again without an engine."""
    from cluster.session import connect

    Path(place).mkdir()
    prepared = prepare(load(recipe), RunDir(Path(place)))
    with connect(ROOT, cpus=2):
        away, engine = Path(recipe).parent / "model" / "away", f"{HERE}:{AwayEngine.__name__}"
        away.touch()
        generate_stage(replace(prepared, engine_class=engine))
        assert not (prepared.dir.self_made / "problems.jsonl").read_text()
        away.unlink()
        generate_stage(replace(prepared, engine_class=engine), redo_errors=True)
        generate_stage(replace(prepared, engine_class="no.such:Engine"))


if __name__ == "__main__":
    run_stage(*sys.argv[1:])
