"""What the commands print, with files made by hand; no command here starts Ray.

Not here: the sentences of commands that cannot start (`tests.pipeline.test_main`), how chains and
the report look (`test_show`, `tests.pipeline.evaluation.test_report`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from pipeline.errors import CannotStart
from pipeline.generation.tasks import task
from pipeline.run.commands import compare, describe_problems, minutes, report, show
from pipeline.run_dir import RunDir
from tests.pipeline.generation.chain_files import problem, row

CSV = "question,answer\nWhat is 1 + 2?,3\n ,4\nWhat is 2 + 2?,4\n"


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def evaluated(path: Path, digest: str = "d", **accuracies: dict[str, float]) -> Path:
    """A run directory with the accuracies of its models by split."""
    run = RunDir(path)
    models = {
        name: {split: cell(share, digest) for split, share in found.items()}
        for name, found in accuracies.items()
    }
    run.evaluation.mkdir(parents=True)
    (run.evaluation / "metrics.json").write_text(json.dumps({"models": models}))
    return path


def cell(share: float, digest: str = "d") -> dict[str, Any]:
    ci95 = [max(0.0, share - 0.1), min(1.0, share + 0.1)]
    return {"accuracy": share, "n": 80, "ci95": ci95, "problems_digest": digest}


# How long a run took


def test_the_time_of_each_stage_stands_in_one_line() -> None:
    stages = {
        "generate": {"seconds": 130.0, "engine_start_seconds": 40.2},
        "pairs": {"seconds": 1.6},
        "rounds/02/generate": {"seconds": 379.4, "engine_start_seconds": 0.0},
    }
    assert minutes(stages) == (
        "8 min 31 s: generate 2 min 10 s (starting engines 40 s), pairs 2 s, "
        "rounds/02/generate 6 min 19 s"
    )


def test_a_stage_without_a_time_took_none() -> None:
    assert minutes({"pairs": {"status": "running"}}) == "0 s: pairs 0 s"


# problems


@pytest.fixture
def csv(tmp_path: Path) -> str:
    (tmp_path / "mine.csv").write_text(CSV)
    return str(tmp_path / "mine.csv")


def test_a_file_is_described_by_counts_rejects_and_an_example(
    csv: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert describe_problems(csv, [], None, None, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "read                         2",
        "rejected                     1",
        "format                       generic",
        "golds_as_text                0",
        "golds_as_text_examples       -",
        "rejected line 3: field question is empty",
    ):
        assert line in lines
    assert lines[-3:] == ["question   What is 1 + 2?", "answer     3", "reference  -"]


def test_a_file_as_it_is_keeps_problems_that_a_recipe_would_drop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "Ann has three red apples and gives two of the apples to her old friend Ben today"
    rows = [
        {"question": f"{words} {number}?", "answer": 1, "split": split}
        for number, split in enumerate(("train", "test"))
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    describe_problems(str(path), [], None, None, as_json=True)
    assert (found := printed(capsys))["read"] == 2
    assert found["splits"] == {"test": 1, "train": 1}
    describe_problems(str(path), ["decontaminate_ngram=8"], None, None, as_json=True)
    assert printed(capsys)["splits"] == {"test": 1}


def test_overrides_of_a_recipes_problems_need_no_prefix(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = ["counts.train=5", "problems.counts.test=3", "counts.ood=2"]
    describe_problems("pocket", counts, None, None, as_json=True)
    assert printed(capsys)["splits"] == {"ood": 2, "test": 3, "train": 5}


def test_a_setting_of_another_section_is_refused(csv: str) -> None:
    with pytest.raises(CannotStart) as raised:
        describe_problems(csv, ["teacher.model=large"], None, None, as_json=True)
    assert str(raised.value) == (
        "problems takes settings of the section problems, got teacher.model=large"
    )


def test_a_format_may_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"question": "What is 1 + 2?", "answer": "#### 3"}))
    for format, named in ((None, "gsm8k"), ("generic", "generic")):
        describe_problems(str(path), [], format, None, as_json=True)
        assert printed(capsys)["format"] == named


def test_rejects_are_written_to_the_given_folder(
    csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "rejects"
    describe_problems(csv, [], None, folder, as_json=True)
    (line,) = (folder / "problems.jsonl").read_text().splitlines()
    values = json.dumps({"question": " ", "answer": "4"})
    assert json.loads(line) == {"line": 3, "reason": "field question is empty", "row": values}
    assert printed(capsys)["rejected"] == 1


# report, compare, show


def test_a_report_in_json_is_the_table_as_it_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated(tmp_path, teacher={"test": 0.5})
    assert report(tmp_path, as_json=True) == 0
    assert printed(capsys) == {"models": {"teacher": {"test": cell(0.5)}}}


def test_runs_are_compared_side_by_side(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # short names, so that no cell is wrapped
    first = {"test": 0.5, "ood": 0.25}
    evaluated(tmp_path / "a", teacher=first, student_after={"test": 0.4}, student_before=first)
    evaluated(tmp_path / "b", student_after={"test": 1.0})
    assert compare([Path("a"), Path("b")], as_json=False) == 0
    lines, half = capsys.readouterr().out.splitlines(), "50.0%  [40.0, 60.0]  n=80"
    cells = [line.split("│")[1:-1] for line in lines if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in cells] == [
        ["a", "test", half, "40.0%  [30.0, 50.0]  n=80", half],
        ["a", "ood", "25.0%  [15.0, 35.0]  n=80", "-", "25.0%  [15.0, 35.0]  n=80"],
        ["b", "test", "-", "100.0%  [90.0, 100.0]  n=80", "-"],
    ]
    assert compare([Path("b")], as_json=True) == 0
    assert printed(capsys) == {"b": {"student_after": {"test": cell(1.0)}}}


@pytest.mark.parametrize("as_json", [False, True])
def test_runs_on_different_problems_are_not_compared(tmp_path: Path, as_json: bool) -> None:
    evaluated(tmp_path / "a", teacher={"test": 0.5, "ood": 0.5})
    evaluated(tmp_path / "b", "other", teacher={"test": 0.5})
    with pytest.raises(CannotStart) as raised:
        compare([tmp_path / "a", tmp_path / "b"], as_json)
    assert str(raised.value) == (
        f"{tmp_path / 'a'} and {tmp_path / 'b'} were evaluated on different problems of split "
        "test, so their accuracies do not compare; evaluate both on the same problems "
        "(problems.path, evaluate.limit, seed)"
    )


@pytest.mark.parametrize(("names", "same"), [(("p1", "p2"), True), (("p1", "p3"), False)])
def test_problems_of_runs_before_this_version_are_read_from_their_chains(
    tmp_path: Path, names: tuple[str, str], same: bool
) -> None:
    for folder, asked in (("a", ("p1", "p2")), ("b", names)):
        run = RunDir(evaluated(tmp_path / folder, teacher={"test": 0.5}))
        metrics = json.loads((run.evaluation / "metrics.json").read_text())
        del metrics["models"]["teacher"]["test"]["problems_digest"]
        (run.evaluation / "metrics.json").write_text(json.dumps(metrics))
        rows = [row(task(problem(name, "test"), "teacher", 0, 7)) for name in asked]
        tables.write(run.evaluation / "part-0.parquet", rows, tables.CHAINS)
    if same:
        assert compare([tmp_path / "a", tmp_path / "b"], as_json=True) == 0
    else:
        with pytest.raises(CannotStart, match="different problems of split test"):
            compare([tmp_path / "a", tmp_path / "b"], as_json=True)


def test_a_run_that_was_not_evaluated_is_not_compared(tmp_path: Path) -> None:
    evaluated(tmp_path / "a", teacher={"test": 0.5})
    with pytest.raises(CannotStart) as raised:
        compare([tmp_path / "a", tmp_path / "b"], as_json=False)
    missing = tmp_path / "b" / "evaluation" / "metrics.json"
    assert str(raised.value) == f"{missing} does not exist; {tmp_path / 'b'} was not evaluated"


def test_chains_are_shown_as_a_list_or_one_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunDir(tmp_path)
    run.write({"stages": {}})
    rows = [row(task(problem(name), "teacher", 0, 7), names=["add"]) for name in ("p1", "p2")]
    tables.write(run.chains / "part-0.parquet", rows, tables.CHAINS)
    assert show(tmp_path, None, mask=False, as_json=False) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "p1/teacher/0",
        "p2/teacher/0",
    ]
    show(tmp_path, "p2/teacher/0", mask=False, as_json=True)
    found = printed(capsys)
    assert (found["task_id"], found["steps"][0]["call"]["name"]) == ("p2/teacher/0", "add")
