"""A small whole run through the real stack: Ray Data, vLLM, Ray Train, DeepSpeed, TRL."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from pipeline import tables
from pipeline.problems.pocket.world import TASKS
from tests.pipeline.cli import SMALL, run

pytestmark = [pytest.mark.ray, pytest.mark.vllm, pytest.mark.train, pytest.mark.timeout(600)]

OPTIONS = (
    *(*SMALL, "train.epochs=1", "train.checkpoint_steps=2", "pairs.per_problem=2"),
    "evaluate.models=[student_before, student_after]",  # each more starts an engine
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = run("run", "pocket", *OPTIONS, "--run-dir", folder, timeout=580)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "problems solved" in done.stdout
    assert "student after against before" in done.stdout
    return folder


def test_each_task_has_exactly_one_chain(run_dir: Path) -> None:
    tasks = sorted(row["task_id"] for row in tables.rows(run_dir / "tasks", ["task_id"]))
    chains = sorted(row["task_id"] for row in tables.rows(run_dir / "chains", ["task_id"]))
    assert len(tasks) == 48 * 2  # one by the teacher, one by the student
    assert chains == tasks


def test_every_chain_has_a_verdict_and_the_schema(run_dir: Path) -> None:
    for path in tables.files(run_dir / "chains"):
        schema = pq.read_schema(path)
        assert schema.equals(tables.CHAINS)
        assert schema.metadata[b"apprentice_version"] == tables.VERSION.encode()
    rows = list(tables.rows(run_dir / "chains"))
    assert all(row["correct"] is not None for row in rows)
    assert all((row["failure"] is None) == row["correct"] for row in rows)
    correct = [row for row in rows if row["model"] == "teacher" and row["correct"]]
    assert len(correct) >= 30
    assert all(row["steps"][-1]["call"]["name"] == "answer" for row in correct)


def test_pairs_prefer_correct_to_incorrect_chains(run_dir: Path) -> None:
    correct = {row["task_id"]: row["correct"] for row in tables.rows(run_dir / "chains")}
    pairs = list(tables.rows(run_dir / "pairs"))
    assert pairs
    assert all(correct[pair["chosen_chain_id"]] for pair in pairs)
    assert not any(correct[pair["rejected_chain_id"]] for pair in pairs)


def test_pairs_load_as_a_data_set(run_dir: Path) -> None:
    files = [str(path) for path in tables.files(run_dir / "pairs")]
    loaded = Dataset.from_parquet(files)
    assert {"prompt", "chosen", "rejected", "tools"} <= set(loaded.column_names)


def test_the_student_is_a_plain_model_folder(run_dir: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(run_dir / "student")
    before = AutoModelForCausalLM.from_pretrained("pipeline/pocket/student")
    assert model.dtype == before.dtype
    changed = [
        name
        for (name, new), old in zip(model.named_parameters(), before.parameters(), strict=True)
        if not (new == old).all()
    ]
    assert changed
    assert AutoTokenizer.from_pretrained(run_dir / "student").chat_template


def test_metrics_compare_before_and_after(run_dir: Path) -> None:
    metrics = json.loads((run_dir / "evaluation" / "metrics.json").read_text())
    assert set(metrics["models"]) == {"student_before", "student_after"}
    for splits in metrics["models"].values():
        assert splits["test"]["n"] == 24
        assert splits["ood"]["n"] == 12
        tasks = {f"{split}/{task}" for split in ("test", "ood") for task in TASKS}
        assert set(splits) == {"test", "ood"} | tasks
    assert {"gain", "ci95", "gained", "lost", "p_value", "n"} <= set(metrics["paired"]["test"])


def test_run_json_records_recipe_versions_and_stages(run_dir: Path) -> None:
    record = json.loads((run_dir / "run.json").read_text())
    assert record["recipe"]["train"]["loss"] == "dpop"
    assert {"ray", "torch", "trl", "deepspeed"} <= set(record["versions"])
    assert all(stage["status"] == "done" for stage in record["stages"].values())
    assert record["stages"]["generate"]["rows_out"] == 48 * 2
    usage = record["stages"]["generate"]["usage"]
    for name in ("teacher", "student"):
        assert 0 < usage[name]["cached"] <= usage[name]["cacheable"] < usage[name]["prompt"]
    written = Counter[str]()
    for row in tables.rows(run_dir / "chains"):
        written[row["model"]] += row["tokens"]
    assert {name: counts["written"] for name, counts in usage.items()} == written
    assert record["stages"]["pairs"]["rows_out"] > 0


def test_repeating_the_command_writes_nothing(run_dir: Path) -> None:
    def stamps() -> dict[str, int]:
        files = [p for p in run_dir.rglob("*") if p.suffix in (".parquet", ".safetensors")]
        return {str(path): path.stat().st_mtime_ns for path in files if "pairs" not in str(path)}

    before = stamps()
    again = run("run", "pocket", *OPTIONS, "--run-dir", run_dir)
    assert again.returncode == 0, again.stderr[-3000:]
    assert stamps() == before
    assert "chains  " not in again.stderr.replace("0/", "")  # no live line of generation


def test_another_recipe_is_refused_naming_the_difference(run_dir: Path) -> None:
    refused = run("run", "pocket", *OPTIONS, "train.beta=0.7", "--run-dir", run_dir)
    assert refused.returncode == 2
    assert "train.beta is 0.3 there, 0.7 here" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_show_prints_chains_and_the_mask(run_dir: Path) -> None:
    listed = run("show", run_dir)
    assert listed.returncode == 0
    assert "pocket-train-0-000000/teacher/0" in listed.stdout
    one = run("show", run_dir, "pocket-train-0-000000/teacher/0")
    assert "answer(value=" in one.stdout
    mask = json.loads(run("show", run_dir, "--mask", "--json").stdout)
    trained = "".join(p["text"] for p in mask["chosen"] if p["trained"])
    assert trained.endswith("<|end|>")
    assert "<|user|>" not in trained
