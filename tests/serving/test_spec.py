"""serving.spec: run directories, model folders, keys, and exposure to other machines."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from pipeline.errors import CannotStart
from pipeline.pocket.models import TOOLSET, folder
from pipeline.recipe.load import RecipeError, load
from serving.spec import KEY_VARIABLE, check_exposure, read_keys, read_spec, toolsets_by_name


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run of recipe `pocket` with agent.max_steps=5 and a trained student."""
    path = tmp_path / "my-run"
    recipe = load("pocket", ["agent.max_steps=5"])
    path.mkdir()
    (path / "run.json").write_text(json.dumps({"recipe": recipe.model_dump(mode="json")}))
    shutil.copytree(folder("student"), path / "student")
    return path


def test_pocket_is_served_with_its_recipe() -> None:
    spec = read_spec("pocket", ["serving.port=9000"])
    assert (spec.name, spec.model) == ("pocket", str(folder("student")))
    assert (spec.recipe.toolset, spec.recipe.agent.think) == (TOOLSET, False)
    assert spec.recipe.serving.port == 9000


def test_the_student_of_a_run_is_served_with_the_runs_recipe(run_dir: Path) -> None:
    spec = read_spec(str(run_dir), ["serving.max_tokens=50"])
    assert (spec.name, spec.model) == ("my-run", str(run_dir / "student"))
    assert (spec.recipe.agent.max_steps, spec.recipe.toolset) == (5, TOOLSET)
    assert spec.recipe.serving.max_tokens == 50


@pytest.mark.parametrize("place", ["other", "checkpoints/sft/model"])
def test_a_model_inside_a_run_is_served_with_the_runs_recipe(run_dir: Path, place: str) -> None:
    shutil.copytree(run_dir / "student", run_dir / place)
    spec = read_spec(str(run_dir / place))
    assert (spec.name, spec.model) == (Path(place).name, str(run_dir / place))
    assert spec.recipe.agent.max_steps == 5


def test_a_model_outside_a_run_is_served_with_defaults_and_overrides(run_dir: Path) -> None:
    (run_dir / "run.json").unlink()
    overrides = ["toolset=arithmetic[add]", "agent.think=false", "serving.model_name=tiny"]
    spec = read_spec(str(run_dir / "student"), overrides)
    assert (spec.name, spec.model) == ("tiny", str(run_dir / "student"))
    assert (spec.recipe.toolset, spec.recipe.agent.think) == ("arithmetic[add]", False)
    assert read_spec(str(run_dir / "student")).recipe.toolset == "arithmetic"


def test_a_hub_name_is_unchanged() -> None:
    spec = read_spec("Qwen/Qwen2.5-7B-Instruct")
    assert (spec.name, spec.model) == ("Qwen/Qwen2.5-7B-Instruct",) * 2


def test_a_relative_path_is_made_absolute(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run_dir)
    spec = read_spec(".")
    assert (spec.name, spec.model) == ("my-run", str(run_dir / "student"))


def test_a_spec_can_be_pickled(run_dir: Path) -> None:
    spec = read_spec(str(run_dir))
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nonsense", "nonsense is neither a run directory, nor a model folder, nor pocket, nor a"),
        ("serving/nothere", "serving/nothere is neither a run directory"),
        ("no/such/folder", "no/such/folder is neither a run directory"),
        ("pipeline", "pipeline is not a model folder: it has no config.json"),
    ],
)
def test_an_unknown_source_is_refused(source: str, sentence: str) -> None:
    with pytest.raises(CannotStart, match=sentence):
        read_spec(source)


def test_a_run_without_a_student_is_refused(run_dir: Path) -> None:
    shutil.rmtree(run_dir / "student")
    with pytest.raises(CannotStart, match="my-run holds no student yet; run train first"):
        read_spec(str(run_dir))


@pytest.mark.parametrize("text", ["", "{}", "[]", "{not json"])
def test_a_run_with_a_broken_record_is_refused(run_dir: Path, text: str) -> None:
    (run_dir / "run.json").write_text(text)
    with pytest.raises(CannotStart, match=r"my-run/run.json is not a run's record"):
        read_spec(str(run_dir))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("serving.prot=9000", r"unknown key serving.prot; did you mean serving.port\?"),
        ("serving.port=high", "serving.port: .*got 'high'"),
        ("serving.student={min: 3, max: 2}", r"max \(2\) must be at least min \(3\)"),
        ("serving", "expected key=value, got 'serving'"),
    ],
)
@pytest.mark.parametrize("kind", ["pocket", "run", "model"])
def test_an_invalid_override_is_refused(
    run_dir: Path, kind: str, override: str, sentence: str
) -> None:
    source = {"pocket": "pocket", "run": run_dir, "model": folder("student")}[kind]
    with pytest.raises(RecipeError, match=sentence):
        read_spec(str(source), [override])


def test_overrides_do_not_change_the_runs_record(run_dir: Path) -> None:
    before = (run_dir / "run.json").read_text()
    read_spec(str(run_dir), ["agent.max_steps=2"])
    assert (run_dir / "run.json").read_text() == before


def test_without_a_key_file_the_environment_has_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = read_spec("pocket")
    assert read_keys(spec) == ()
    monkeypatch.setenv(KEY_VARIABLE, " \n")
    assert read_keys(spec) == ()
    monkeypatch.setenv(KEY_VARIABLE, " of-the-environment\n")
    assert read_keys(spec) == ("of-the-environment",)


def test_a_key_file_takes_precedence_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "of-the-environment")
    file = tmp_path / "keys"
    file.write_text("first\n\n  second \r\n")
    assert read_keys(read_spec("pocket", [f"serving.key_file={file}"])) == ("first", "second")


def test_a_missing_or_empty_key_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "of-the-environment")
    file = tmp_path / "keys"
    spec = read_spec("pocket", [f"serving.key_file={file}"])
    with pytest.raises(CannotStart, match="keys cannot be read: No such file"):
        read_keys(spec)
    file.write_text("\n \n")
    with pytest.raises(CannotStart, match="keys contains no key; write one key per line"):
        read_keys(spec)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "models.example.com"])
def test_other_machines_need_a_key(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = read_spec("pocket", [f"serving.host='{host}'"])
    with pytest.raises(CannotStart, match=f"serving.host {host} accepts requests from other"):
        check_exposure(spec)
    monkeypatch.setenv(KEY_VARIABLE, "a-key")
    check_exposure(spec)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_no_key(host: str) -> None:
    check_exposure(read_spec("pocket", [f"serving.host='{host}'"]))


def test_parts_of_one_toolset_are_merged_under_its_name() -> None:
    by_name = toolsets_by_name("arithmetic[add] + arithmetic[divide,power]")
    assert {name: toolset.tool_names for name, toolset in by_name.items()} == {
        "arithmetic": ("add", "divide", "power")
    }
