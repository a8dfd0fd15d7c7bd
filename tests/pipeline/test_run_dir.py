from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import CannotStart
from pipeline.recipe.load import Recipe
from pipeline.run_dir import RunDir, differences, opened
from tests.conftest import ROOT


def _recipe(**changes: Any) -> Recipe:
    fields = {"seed": 0, "teacher": {"temperature": 0.9}, "agent": {"max_steps": 12}}
    return Recipe.model_validate({"name": "mine"} | fields | changes)


def _open(path: Path, **changes: Any) -> dict[str, Any]:
    with opened(path, _recipe(**changes), ROOT) as run:
        return run.read()


def _refusal(path: Path, **changes: Any) -> str:
    with pytest.raises(CannotStart) as raised:
        _open(path, **changes)
    return str(raised.value)


def test_run_json_has_the_specified_keys(tmp_path: Path) -> None:
    with opened(tmp_path / "run", _recipe(seed=3), ROOT) as run:
        with run.stage("generate") as facts:
            facts |= {"rows_in": 10, "rows_out": 40, "dropped": {"no incorrect chain": 2}}
        data = json.loads((tmp_path / "run" / "run.json").read_text())
    assert set(data) == {"recipe", "seed", "versions", "git_commit", "stages"}
    assert Recipe.model_validate(data["recipe"]) == _recipe(seed=3)
    assert data["seed"] == 3
    assert {"ray", "torch", "trl", "pyarrow"} <= set(data["versions"])
    head = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    assert data["git_commit"] == (head.stdout.strip() or None)
    generate = data["stages"]["generate"]
    assert generate.pop("seconds") >= 0
    assert generate.pop("versions") == data["versions"]
    assert generate.pop("git_commit", None) == data["git_commit"]
    assert generate == {
        "status": "done",
        "rows_in": 10,
        "rows_out": 40,
        "dropped": {"no incorrect chain": 2},
    }


def test_the_folders_have_the_specified_names() -> None:
    run = RunDir(Path("r"))
    folders = [run.tasks, run.chains, run.pairs, run.rejects, run.student, run.evaluation]
    assert [path.name for path in folders] == [
        "tasks",
        "chains",
        "pairs",
        "rejects",
        "student",
        "evaluation",
    ]
    assert run.run_json == Path("r/run.json")


def test_round_1_uses_the_folders_of_the_run_and_later_rounds_their_own() -> None:
    run = RunDir(Path("r"))
    assert run.of_round(1) == run
    second = run.of_round(2)
    assert (second.chains, second.student) == (
        Path("r/rounds/02/chains"),
        Path("r/rounds/02/student"),
    )
    assert second.run_json == run.run_json
    assert second.run == run == run.run


def test_stages_of_all_rounds_are_in_one_run_json(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    with run.stage("pairs") as facts:
        facts["rows_out"] = 1
    with run.of_round(2).stage("pairs") as facts:
        facts["rows_out"] = 2
        assert run.is_done("pairs")
        assert not run.of_round(2).is_done("pairs")
    stages = run.read()["stages"]
    assert [stages[name]["rows_out"] for name in ("pairs", "rounds/02/pairs")] == [1, 2]
    assert run.of_round(2).facts("pairs")["status"] == "done"
    assert run.of_round(2).facts("train") == {}


def test_facts_about_the_rounds_are_merged(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    assert run.rounds == {}
    run.note_rounds(best=1, stopped=None)
    run.note_rounds(best=2)
    assert run.rounds == {"best": 2, "stopped": None}


def test_the_same_recipe_opens_a_run_again_and_keeps_its_stages(tmp_path: Path) -> None:
    with opened(tmp_path, _recipe(), ROOT) as run, run.stage("generate"):
        pass
    assert _open(tmp_path)["stages"]["generate"]["status"] == "done"


def test_another_recipe_is_refused_naming_the_differences(tmp_path: Path) -> None:
    _open(tmp_path)
    before = (tmp_path / "run.json").read_bytes()
    assert _refusal(tmp_path, teacher={"temperature": 0.5}) == (
        f"run directory {tmp_path} was made with another recipe: "
        "teacher.temperature is 0.9 there, 0.5 here; choose another --run-dir"
    )
    changes = {"seed": 1, "agent": {"max_steps": 3}, "train": {"beta": 1.5, "epochs": 9}}
    message = _refusal(tmp_path, **changes)
    assert "agent.max_steps is 12 there, 3 here; seed is 0 there, 1 here; train.beta is" in message
    assert message.endswith(" and 1 more; choose another --run-dir")
    assert (tmp_path / "run.json").read_bytes() == before


def test_machine_settings_and_description_may_differ(tmp_path: Path) -> None:
    _open(tmp_path)
    data = _open(tmp_path, cluster={"actors_max": 4}, description="another")
    assert data["recipe"]["cluster"]["actors_max"] == 4
    endpoint = {"endpoint": "http://host/v1", "requests_per_minute": 60, "request_seconds": 30}
    moved = {"temperature": 0.9} | endpoint
    assert _open(tmp_path, teacher=moved)["recipe"]["teacher"]["endpoint"] == "http://host/v1"
    assert "teacher.model is" in _refusal(tmp_path, teacher=moved | {"model": "large"})


def test_differences_name_the_field_and_both_values() -> None:
    old = {"a": 1, "b": {"c": [1], "d": None}, "e": "x"}
    new = {"a": 1, "b": {"c": [1, 2], "d": 0.5}, "f": True}
    assert differences(old, new) == [
        "b.c is [1] there, [1, 2] here",
        "b.d is null there, 0.5 here",
        'e is "x" there, null here',
        "f is null there, true here",
    ]
    assert differences(old, old) == []


def test_a_second_command_is_refused_while_the_first_is_running(tmp_path: Path) -> None:
    with opened(tmp_path, _recipe(), ROOT):
        assert _refusal(tmp_path) == f"another command is writing to run directory {tmp_path}"
    _open(tmp_path)


def test_a_killed_command_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from pipeline.recipe.load import Recipe\n"
        "from pipeline.run_dir import opened\n"
        f"recipe = Recipe.model_validate({_recipe().model_dump()!r})\n"
        f"with opened(Path({str(tmp_path)!r}), recipe, Path('.')) as run:\n"
        "    run.note('train', status='running')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert killed.returncode == -9
    assert _open(tmp_path)["stages"] == {"train": {"status": "running"}}


def test_a_failed_stage_is_recorded_and_its_time_is_added(tmp_path: Path) -> None:
    with opened(tmp_path, _recipe(), ROOT) as run:
        run.note("train", seconds=100.0)
        with pytest.raises(ZeroDivisionError), run.stage("train") as facts:
            assert run.read()["stages"]["train"]["status"] == "running"
            facts["rows_in"] = 3
            raise ZeroDivisionError
        stage = run.read()["stages"]["train"]
        assert (stage["status"], stage["rows_in"]) == ("failed", 3)
        assert stage["seconds"] >= 100.0
        assert not run.is_done("train")
        with run.stage("train"):
            pass
        assert run.is_done("train")
        assert not run.is_done("evaluate")


def test_facts_of_a_stage_are_merged(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.note("pairs", rows_in=3)
    run.note("pairs", rows_out=2)
    run.note("train", steps=1)
    assert run.read() == {"stages": {"pairs": {"rows_in": 3, "rows_out": 2}, "train": {"steps": 1}}}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_an_invalid_run_json_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    assert _refusal(tmp_path).startswith(f"{tmp_path / 'run.json'} is not valid JSON: ")


def test_a_run_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    assert _refusal(tmp_path / "run") == (
        f"run directory {tmp_path / 'run'} cannot be written: File exists"
    )


def test_a_job_reads_its_commit_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPRENTICE_COMMIT", "0123abc")
    with opened(tmp_path / "run", _recipe(), tmp_path) as run:
        assert run.read()["git_commit"] == "0123abc"


def test_outside_git_the_commit_is_unknown(tmp_path: Path) -> None:
    with opened(tmp_path / "run", _recipe(), tmp_path) as run:
        assert run.read()["git_commit"] is None
