"""The command line: what a wrong command says, and that it starts nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.__main__ import main
from pipeline.run_dir import opened
from tests.conftest import ROOT


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code of a command and what it wrote to standard error, one sentence."""
    code = main([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return code, error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
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
    ],
)
def test_a_command_that_cannot_start_says_why_in_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ["--dry-run"] if arguments[0] == "run" else []
    code, error = said(capsys, *arguments, *plan)
    assert code == 2
    assert error.startswith("error: ")
    assert sentence in error


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "empty"), ("{broken\n{}\n", "line 1")],
)
def test_a_file_that_gives_no_problem_is_refused(
    content: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(content)
    code, error = said(capsys, "run", "gsm8k", f"problems.path={path}", "--dry-run")
    assert code == 2
    assert sentence in error


def test_a_run_directory_of_another_recipe_is_refused_naming_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.recipe.load import load

    with opened(tmp_path, load("pocket"), ROOT):
        pass
    code, error = said(capsys, "pairs", "pocket", "train.beta=0.7", "--run-dir", tmp_path)
    assert code == 2
    assert "train.beta is 0.3 there, 0.7 here" in error


def test_too_little_memory_names_the_setting_to_lower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = "cluster.kv_cache_gib=100000"
    code, error = said(capsys, "generate", "pocket", huge, "--run-dir", tmp_path / "run")
    assert code == 2
    assert "lower cluster.kv_cache_gib" in error
    assert not (tmp_path / "run").exists()


def test_a_dry_run_prints_the_plan_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = tmp_path / "run"
    assert main(["run", "pocket", "--dry-run", "--json", "--run-dir", str(run_dir)]) == 0
    told = json.loads(capsys.readouterr().out)
    plan, estimate = told["plan"], told["estimate"]
    assert plan["problems"] == "200 ood, 500 test, 2,000 train"
    assert list(plan) == ["problems", "generate", "pairs", "train", "evaluate"]
    assert estimate["sample"] is None
    assert estimate["models"]["teacher"]["tasks"]["expected"] == 2000
    assert estimate["models"]["teacher"]["engine_hours"] is None
    assert not run_dir.exists()


def test_a_dry_run_with_an_endpoint_looks_for_no_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = ("teacher.endpoint=http://host:8000/v1", "teacher.model=./large")
    assert main(["generate", "pocket", *at, "pairs.rejected_from=[teacher]", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "2,000 chains of ./large at http://host:8000/v1" in told


def test_pairs_without_chains_say_what_to_run_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = said(capsys, "pairs", "pocket", "--run-dir", tmp_path / "run")
    assert code == 2
    assert "run generate first" in error


def test_the_real_gsm8k_file_reads_and_replays(
    gsm8k_path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["problems", gsm8k_path, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["read"] == 7473
    assert told["rejected"] == 0
    assert told["reference_calls"] == told["reference_calls_exact"] == 23716
    assert told["reference_answer_matches"] >= 0.95 * 7473


def test_recipes_are_listed_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["folio", "gsm8k", "paper", "pocket"]
