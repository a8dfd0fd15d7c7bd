"""The command line: errors of invalid commands, which start nothing, and dry runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.run_dir import opened
from tests.conftest import ROOT


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code of a command and its one sentence on standard error."""
    code = main([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return code, error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rum", "pocket"], "unknown command rum; did you mean run? (known: run, generate, "),
        (["run", "pockt"], "recipe 'pockt' does not exist; did you mean pocket?"),
        (["run", "pocket", "train.bata=1"], "unknown key train.bata; did you mean train.beta?"),
        (["run", "pocket", "train.beta=much"], "train.beta: input should be a valid number"),
        (["run", "pocket", "toolset=arithmetik"], "did you mean arithmetic?"),
        (["run", "pocket", "toolset=arithmetic[ad]"], "has no function 'ad'"),
        (["run", "gsm8k", "problems.path=none.jsonl"], "none.jsonl"),
        (["run", "pocket", "student.model=./none"], "neither pocket, nor a folder"),
        (["run", "pocket", "student.model=pipeline"], "is not a model folder"),
        (["run", "pocket", "--sample", "none"], "--sample none is not a run directory"),
        (["generate", "pocket", "--sample", "none"], "give --dry-run too"),
        (["problems", "none.jsonl"], "none.jsonl"),
        (["show", "none"], "none is not a run directory"),
        (["report", "pocket", "--run-dir", "none"], "run evaluate first"),
        (["compare", "none"], "none was not evaluated"),
        (["run", "pocket", "--run-dri", "x"], "unknown option --run-dri; did you mean --run-dir?"),
        (["show", "none", "--masks"], "unknown option --masks; did you mean --mask?"),
        (["compare", "none", "--sample"], "unknown option --sample"),
        (["show", "none", "--mask", "a", "b"], "unknown argument b"),
        (["problems", "pocket", "colums={}"], "did you mean problems.columns?"),
        (["problems", "pocket", "train.beta=1"], "problems takes settings of the section problems"),
    ],
)
def test_an_invalid_command_is_refused_in_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ["--dry-run"] if arguments[0] == "run" else []
    code, error = refused(capsys, *arguments, *plan)
    assert code == 2
    assert error.startswith("error: ")
    assert sentence in error


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "empty"), ("{broken\n{}\n", "line 1")],
)
def test_a_file_without_problems_is_refused(
    content: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(content)
    code, error = refused(capsys, "run", "gsm8k", f"problems.path={path}", "--dry-run")
    assert code == 2
    assert sentence in error


def test_a_file_of_training_problems_only_is_not_evaluated_on_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "problems.jsonl"
    rows = [f'{{"question": "{n} + 1?", "answer": {n + 1}, "split": "train"}}' for n in range(50)]
    path.write_text("\n".join(rows))
    run = ("run", "gsm8k", f"problems.path={path}", "teacher.model=pocket", "student.model=pocket")
    code, error = refused(capsys, *run, "--dry-run")
    assert code == 2
    assert "has no problem of split test or ood to evaluate, only train; name a file" in error
    main([*run, "problems.columns={split: null}", "--dry-run"])
    assert " test, " in capsys.readouterr().out


def test_a_run_directory_of_another_recipe_is_refused_naming_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.recipe.load import load

    with opened(tmp_path, load("pocket"), ROOT):
        pass
    code, error = refused(capsys, "pairs", "pocket", "train.beta=0.7", "--run-dir", tmp_path)
    assert code == 2
    assert "train.beta is 0.3 there, 0.7 here" in error


def test_too_little_memory_names_the_setting_to_lower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = "cluster.kv_cache_gib=100000"
    code, error = refused(capsys, "generate", "pocket", huge, "--run-dir", tmp_path / "run")
    assert code == 2
    assert "lower cluster.kv_cache_gib" in error
    assert not (tmp_path / "run").exists()


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = tmp_path / "run"
    assert main(["run", "pocket", "--dry-run", "--json", "--run-dir", str(run_dir)]) == 0
    printed = json.loads(capsys.readouterr().out)
    plan, estimate = printed["plan"], printed["estimate"]
    assert plan["problems"] == "200 ood, 500 test, 2,000 train"
    assert list(plan) == ["problems", "generate", "pairs", "train", "evaluate"]
    assert estimate["sample"] is None
    assert estimate["models"]["teacher"]["tasks"]["expected"] == 2000
    assert estimate["models"]["teacher"]["engine_hours"] is None
    assert not run_dir.exists()


def test_a_dry_run_with_an_endpoint_looks_for_no_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remote = ("teacher.endpoint=http://host:8000/v1", "teacher.model=./large")
    assert main(["generate", "pocket", *remote, "pairs.rejected_from=[teacher]", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "2,000 chains of ./large at http://host:8000/v1" in printed


def test_pairs_without_chains_name_the_stage_to_run_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = refused(capsys, "pairs", "pocket", "--run-dir", tmp_path / "run")
    assert code == 2
    assert "run generate first" in error


def test_the_real_gsm8k_file_is_read_and_its_solutions_replayed(
    gsm8k_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["problems", gsm8k_path, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["read"] == 7473
    assert printed["rejected"] == 0
    assert printed["reference_calls"] == printed["reference_calls_exact"] == 23716
    assert printed["reference_answer_matches"] >= 0.95 * 7473


def test_recipes_are_listed_one_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["folio", "gsm8k", "paper", "pocket"]


def test_options_and_overrides_may_come_in_any_order(capsys: pytest.CaptureFixture[str]) -> None:
    count, directory = "problems.counts.train=12", ("--run-dir", "elsewhere")
    for arguments in (
        ["pocket", count, *directory, "--dry-run"],
        ["pocket", *directory, count, "--dry-run"],
        [*directory, "--dry-run", "pocket", count],
        ["--dry-run", "pocket", "problems.counts.train=99", *directory, count],
    ):
        assert main(["generate", *arguments]) == 0
        printed = capsys.readouterr().out
        assert "12 train" in printed
        assert "elsewhere" in printed


def test_problems_accepts_a_mapping_of_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt,label\nWhat is 1 + 2?,3\nWhat is 2 + 2?,4\n")
    assert main(["problems", str(path)]) == 2
    assert "line 2" in capsys.readouterr().err
    mapped = "columns={question: prompt, answer: label}"
    for override in (mapped, f"problems.{mapped}"):
        assert main(["problems", str(path), "--json", override, "problems.limit=1"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert (printed["read"], printed["rejected"], printed["format"]) == (1, 0, "generic")


@pytest.mark.parametrize("room", ["pipeline", "serving", "cluster"])
def test_another_python_is_refused_naming_the_right_one(room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", room, "--help"],  # -S: without the installed packages
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert re.match(
        r"error: .* lacks pydantic, .*; (run make setup, then )?use \.venv/bin/python "
        rf"-m {room}, or activate the environment with source",
        done.stderr,
    )
