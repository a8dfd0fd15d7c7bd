"""A run in dialect `native`: identical chains in all drivers, and data sets that TRL loads.

Only the engine is scripted; templates, vLLM's Hermes parser, Ray Data, actors, executors and
Parquet are real.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from trl.data_utils import apply_chat_template

from pipeline import tables
from pipeline.agent.loss_masks import encode_pair
from pipeline.agent.transcript import ChatTemplate
from pipeline.generation.stage import generate_stage
from pipeline.pocket.models import TOOLSET, folder
from pipeline.recipe.load import load
from pipeline.run.run import pairs_stage, prepare
from pipeline.run_dir import RunDir
from tests.conftest import ROOT
from tests.pipeline.agent.families import HERMES, tokenizer_of
from tests.pipeline.cli import environment
from tests.pipeline.conftest import tokenizer  # noqa: F401  # a fixture
from tests.test_drivers import FolderEngine, run_stages, solved, stored

pytestmark = pytest.mark.ray


def call(name: str, **arguments: Any) -> str:
    data = {"name": name, "arguments": arguments}
    return f"<tool_call>\n{json.dumps(data)}\n</tool_call>"


SOLVED = "Ava has 3 bags of 4 pens and loses 2. How many pens?"
SCRIPT = {
    SOLVED: [
        "Bags first.\n" + call("multiply", a=3, b=4),
        "add(a=12, b=2)",
        call("subtract", a=12, b=2),
        call("answer", value=10),
    ],
    "Two calls at once?": [call("add", a=2, b=3) * 2, call("sum", a=2), call("answer", value=5)],
    "No brace at the end?": [call("add", a=2, b=3).replace("}}", "}"), call("answer", value=5)],
}
KINDS = {None, "unparseable_call", "unknown_function"}


class NativeEngine(FolderEngine):
    """An engine whose script replies in the Hermes format."""

    def __init__(self, model: str, options: Mapping[str, Any], kv_cache_gib: float) -> None:
        super().__init__(model, options, kv_cache_gib)
        self.turn = HERMES.turn


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:  # noqa: F811
    """A native recipe whose teacher and student use one script."""
    place = tmp_path_factory.mktemp("native")
    shutil.copytree(folder("student"), place / "model")
    tokenizer_of(HERMES, tokenizer).save_pretrained(place / "model")
    (place / "model" / "script.json").write_text(json.dumps(SCRIPT))
    problems = [
        {"problem_id": f"{split}-{i}", "question": question, "answer": answer, "split": split}
        for split in ("train",)
        for i, question in enumerate(SCRIPT)
        for answer in ["10" if question == SOLVED else "4"]
    ]
    (place / "problems.jsonl").write_text("\n".join(map(json.dumps, problems)))
    model = {
        "model": str(place / "model"),
        "engine": {"max_model_len": 4096},
        "samples": {"min": 1, "max": 1},
    }
    settings = {
        "toolset": TOOLSET,
        "agent": {
            "dialect": "native",
            "tool_parser": "hermes",
            "max_steps": 4,
            "reply_tokens": 200,
        },
        "pairs": {"rejected_from": ["teacher"]},
        "train": {"stages": ["sft"]},
        "problems": {"path": str(place / "problems.jsonl"), "decontaminate_ngram": None},
        "teacher": model,
        "student": model,
    }
    (place / "recipe.yaml").write_text(json.dumps(settings))  # JSON is YAML
    return place / "recipe.yaml"


@pytest.fixture(scope="module")
def run(recipe: Path) -> RunDir:
    """The run directory after the stages `generate` and `pairs`."""
    place = recipe.parent / "run"
    command = [sys.executable, "-m", "tests.test_native_run", str(recipe), str(place)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return RunDir(place)


def test_generation_and_serving_make_identical_chains(run: RunDir, recipe: Path) -> None:
    served = _served(recipe)
    assert dict(stored(run.chains)) == served
    assert [chain["stop_reason"] for chain in served.values()] == ["answer"] * 3
    steps = [step for chain in served.values() for step in chain["steps"]]
    assert {step["result"]["error_kind"] for step in steps if step["result"]} == KINDS


def test_trl_builds_the_same_sft_prompt_and_completion_as_we_do(run: RunDir, recipe: Path) -> None:
    files = [str(path) for path in tables.files(run.pairs / "supervised")]
    cache = str(recipe.parent / "cache")
    (loaded,) = Dataset.from_parquet(files, cache_dir=cache)  # type: ignore[misc]  # their stubs
    (row,) = tables.rows(run.pairs / "supervised")
    assert row == loaded
    of_student = FolderEngine(str(recipe.parent / "model"), {"max_model_len": 4096}, 0).tokenizer
    tools = json.loads(row["tools"])
    theirs = apply_chat_template(  # type: ignore[arg-type]  # their stubs
        {"prompt": row["prompt"], "completion": row["completion"]}, of_student, tools
    )
    text = "".join(f"{HERMES.turn}{reply}{HERMES.end}" for reply in SCRIPT[SOLVED][:1])
    assert text in theirs["prompt"] + theirs["completion"]
    pair = {"prompt": row["prompt"], "chosen": row["completion"], "rejected": row["completion"]}
    ours = encode_pair(pair, ChatTemplate(of_student, tools))
    assert of_student.decode(ours["prompt_ids"]) == theirs["prompt"]
    assert of_student.decode(ours["chosen_ids"]) == theirs["completion"].rstrip("\n")


def _served(recipe: Path) -> dict[str, dict[str, Any]]:
    """Responses of POST /v1/solve by question."""
    chosen = load(str(recipe))
    engine = NativeEngine(chosen.student.model, chosen.student.engine, 0)
    return solved(chosen, engine, SCRIPT)


if __name__ == "__main__":
    run_stages(
        *sys.argv[1:], engine_class="tests.test_native_run:NativeEngine", stages=(generate_stage,)
    )
    pairs_stage(prepare(load(sys.argv[1]), RunDir(Path(sys.argv[2]))))
