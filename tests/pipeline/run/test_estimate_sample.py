"""An earlier run as a sample: its measurements, and how it differs from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import tables
from pipeline.errors import CannotStart
from pipeline.generation.tasks import task
from pipeline.recipe.load import Recipe, load
from pipeline.run.estimate import Measured
from pipeline.run.estimate_sample import Sample, read_sample, required_sample, shortcomings
from pipeline.run_dir import RunDir
from tests.pipeline.generation.chain_files import problem, row

USAGE = {"chains": 3, "engine_seconds": 6.0, "prompt": 90, "cached": 60, "cacheable": 70}
USAGE |= {"written": 12}
BOTH = ("teacher", "student")


def recipe(*overrides: str) -> Recipe:
    return load("pocket", ["cluster.chains_in_flight=2", *overrides])


def written(path: Path, *models: str, chains: int = 3, **facts: Any) -> Path:
    """A run directory with chains of `models`, of 4 tokens each, all of one problem."""
    run = RunDir(path)
    generate = {"usage": dict.fromkeys(models, USAGE)} | facts
    run.write({"recipe": recipe().model_dump(mode="json"), "stages": {"generate": generate}})
    for name in models:
        rows = [
            row(task(problem("p1"), name, index, 7), names=["add", "answer"], tokens=2)
            for index in range(chains)
        ]
        tables.write(run.chains / f"{name}.parquet", rows, tables.CHAINS)
    return path


def sample_of(path: Path) -> Sample:
    sample = read_sample(path)
    assert sample is not None
    return sample


@pytest.mark.parametrize(("status", "finished"), [("done", True), ("failed", False)])
def test_a_run_with_chains_is_read_with_its_measurements(
    tmp_path: Path, status: str, finished: bool
) -> None:
    sample = sample_of(written(tmp_path, *BOTH, status=status))
    measured = Measured({"p1": [4, 4, 4]}, USAGE, finished)
    assert sample.models == {"teacher": measured, "student": measured}
    assert (sample.path, sample.recipe) == (tmp_path, recipe().model_dump(mode="json"))


def test_a_model_whose_usage_was_not_counted_has_zeros(tmp_path: Path) -> None:
    written(tmp_path, *BOTH)
    RunDir(tmp_path).note("generate", usage={"teacher": USAGE})
    models = sample_of(tmp_path).models
    assert models["teacher"].usage == USAGE
    assert models["student"].usage == dict.fromkeys(USAGE, 0)


def test_a_run_without_chains_is_no_sample(tmp_path: Path) -> None:
    assert read_sample(tmp_path) is None
    assert read_sample(written(tmp_path)) is None


def test_a_required_sample_must_be_a_run_directory_with_chains(tmp_path: Path) -> None:
    with pytest.raises(CannotStart) as raised:
        required_sample(tmp_path)
    assert str(raised.value) == f"--sample {tmp_path} is not a run directory: it has no run.json"
    written(tmp_path)
    with pytest.raises(CannotStart) as raised:
        required_sample(tmp_path)
    assert str(raised.value) == f"--sample {tmp_path} holds no chains; run generate into it first"
    written(tmp_path, "teacher")
    assert required_sample(tmp_path).models.keys() == {"teacher"}


def test_measurements_are_those_of_the_same_model(tmp_path: Path) -> None:
    sample = sample_of(written(tmp_path, "teacher"))
    assert sample.of("teacher", recipe()) == sample.models["teacher"]
    assert sample.of("teacher", recipe("teacher.model=other")) is None
    assert sample.of("student", recipe()) is None


def test_numbers_of_chains_are_those_of_the_same_sampling(tmp_path: Path) -> None:
    sample = sample_of(written(tmp_path, "teacher"))
    assert sample.with_same_sampling("teacher", recipe()) == sample.models["teacher"]
    more = recipe("teacher.samples.max=9")
    assert sample.of("teacher", more) is not None
    assert sample.with_same_sampling("teacher", more) is None


def test_the_same_recipe_with_enough_chains_has_no_shortcomings(tmp_path: Path) -> None:
    sample = sample_of(written(tmp_path, *BOTH))
    assert shortcomings(sample, recipe(), BOTH) == []


def test_settings_that_change_neither_length_nor_speed_are_no_shortcomings(
    tmp_path: Path,
) -> None:
    sample = sample_of(written(tmp_path, *BOTH))
    other = ("teacher.samples.max=9", "problems.counts.train=9", "train.beta=0.7", "seed=3")
    assert shortcomings(sample, recipe(*other), BOTH) == []


def test_a_model_without_measurements_is_named_with_the_reason(tmp_path: Path) -> None:
    sample = sample_of(written(tmp_path, "teacher"))
    assert shortcomings(sample, recipe("teacher.model=large"), BOTH) == [
        f"teacher.model is pocket in {tmp_path}, large here: it gives no estimate for the teacher",
        f"{tmp_path} has no chains of the student: it gives no estimate for the student",
    ]
    assert shortcomings(sample, recipe(), ["teacher"]) == []


def test_at_most_three_differences_of_the_recipes_are_listed(tmp_path: Path) -> None:
    sample = sample_of(written(tmp_path, *BOTH))
    steps, reply = "agent.max_steps=3", "agent.reply_tokens=99"
    (note,) = shortcomings(sample, recipe(steps), BOTH)
    assert note == (
        f"{tmp_path} has another recipe: agent.max_steps is {recipe().agent.max_steps} there, "
        "3 here"
    )
    hot = [f"{name}.temperature=0.25" for name in BOTH]
    (note,) = shortcomings(sample, recipe(steps, reply, *hot), BOTH)
    assert note.count(" there, ") == 3
    assert note.endswith(" and 1 more")


def test_too_few_chains_to_keep_an_engine_full_are_named(tmp_path: Path) -> None:
    sample = sample_of(written(tmp_path, *BOTH))
    assert shortcomings(sample, recipe("cluster.chains_in_flight=3"), BOTH) == []
    (note,) = shortcomings(sample, recipe("cluster.chains_in_flight=4"), BOTH)
    assert note == (
        f"{tmp_path} has too few chains of teacher and student to keep an engine full "
        "(cluster.chains_in_flight is 4); with more chains each takes fewer hours"
    )
