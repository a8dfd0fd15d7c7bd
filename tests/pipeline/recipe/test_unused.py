"""Settings that cannot have an effect are refused; switches that turn a part off are not."""

from __future__ import annotations

import pytest

from pipeline.recipe.load import RecipeError, load, shipped, validate
from pipeline.recipe.unused import turned_off

FILE = "problems.path=my.jsonl"
ENDPOINT = "teacher.endpoint=http://host/v1"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            [FILE, "problems.counts.train=20"],
            "problems.counts has no effect on my.jsonl, as it is for pocket; leave it out, or set "
            "problems.limit",
        ),
        (["problems.path=hf:a/b", "problems.counts.ood=0"], "problems.counts has no effect on hf:"),
        (
            ["problems.self_made={count: 9, by: teacher}"],
            "problems.self_made.by has no effect on the pocket world, whose generator makes the "
            "synthetic problems; leave it out",
        ),
        (["problems.self_made.by=teacher"], "problems.self_made.by has no effect on the pocket"),
        (["problems.self_made.votes=5"], "problems.self_made.votes has no effect on the pocket"),
        (["problems.self_made.temperature=0.5"], "problems.self_made.temperature has no effect on"),
        (
            ["teacher.requests_per_minute=60"],
            "teacher.requests_per_minute has no effect without teacher.endpoint; set that, or "
            "leave it out",
        ),
        (["teacher.request_seconds=60"], "teacher.request_seconds has no effect without teacher.e"),
        (
            [ENDPOINT, "teacher.top_k=40"],
            "teacher.top_k has no effect at an endpoint, which takes top_p only; leave it out",
        ),
        ([ENDPOINT, "teacher.min_p=0.1"], "teacher.min_p has no effect at an endpoint"),
        (
            ["teacher.samples={min: 2, max: 6}"],
            "teacher.samples.min has no effect without until: every problem gets max (6) chains; "
            "leave it out, or set until",
        ),
        (["student.samples={min: 1, max: 3, until: null}"], "student.samples.min has no effect wi"),
        (["student.samples.min=0"], "student.samples.min has no effect without until"),
        (
            ["train.loss=sigmoid", "train.dpop_lambda=10"],
            "train.dpop_lambda has no effect with train.loss=sigmoid; leave it out, or set "
            "train.loss=dpop",
        ),
        (["train.loss=ipo", "train.dpop_lambda=0"], "train.dpop_lambda has no effect with train.l"),
        (
            ["train.stages=[sft]", "train.heldout_pairs=0.2"],
            "train.heldout_pairs has no effect without the stage dpo",
        ),
        (
            ["teacher.temperature=0", "teacher.top_p=0.9"],
            "teacher.top_p has no effect at temperature 0, which is greedy; leave it out",
        ),
        (
            ["student.temperature=0", "student.top_k=5"],
            "student.top_k has no effect at temperature",
        ),
    ],
)
def test_a_setting_without_effect_is_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(RecipeError) as raised:
        load("pocket", overrides)
    assert str(raised.value).startswith(f"recipe pocket: {sentence}")


@pytest.mark.parametrize(
    "overrides",
    [
        ["problems.counts.train=20", "problems.self_made.count=9"],
        [FILE, "problems.self_made={count: 0, by: teacher, votes: 5}"],  # off
        [FILE, "problems.self_made={count: 5, by: teacher, votes: 5}"],
        [ENDPOINT, "teacher.requests_per_minute=60", "teacher.request_seconds=9"],
        [ENDPOINT, "teacher.top_p=0.9"],
        ["teacher.samples.max=6"],
        ["teacher.samples={min: 1, max: 6, until: {correct: 2}}"],
        ["student.samples={max: 1}"],
        ["train.loss=sigmoid"],
        ["train.loss=sigmoid", "train.dpop_lambda=5"],  # its default, as recipes state it
        ["train.dpop_lambda=10"],
        ["train.stages=[dpo]", "train.heldout_pairs=0.2"],
        ["train.stages=[sft]"],  # off
        ["teacher.temperature=0", "teacher.top_p=0.9", "evaluate.temperature=0.5"],
        [
            *(FILE, "student.temperature=0", "student.top_k=5"),
            "problems.self_made={count: 5, by: student}",
        ],
    ],
)
def test_a_setting_that_some_part_of_a_run_uses_is_accepted(overrides: list[str]) -> None:
    recipe = load("pocket", overrides)
    assert validate(recipe.model_dump(mode="json"), "again") == recipe  # as run.json stores it


@pytest.mark.parametrize(
    ("overrides", "sentences"),
    [
        (["problems.test_fraction=0.3"], ["problems.test_fraction has no effect with problems.pa"]),
        (
            [FILE, "problems.self_made={count: 0, by: teacher, votes: 5}"],
            [
                "problems.self_made.by has no effect with problems.self_made.count=0",
                "problems.self_made.votes has no effect with problems.self_made.count=0",
            ],
        ),
        (
            ["train.round_models=[student]"],
            ["train.round_models has no effect with train.rounds=1"],
        ),
        (["train.round_models=[student]", "train.rounds=2"], []),
        (
            ["train.stages=[dpo]", "train.sft={epochs: 3}"],
            ["train.sft.epochs has no effect without sft in train.stages"],
        ),
        (["train.stages=[sft]", "train.learning_rate=5e-7"], []),  # all of them are defaults
        (
            ["train.stages=[sft]", "train.beta=0.9"],
            [
                "train.beta has no effect without dpo in train.stages",
                "train.learning_rate has no effect without dpo in train.stages",
            ],
        ),
        (
            ["student.tool_parser=hermes"],
            ["student.tool_parser has no effect in dialect inject"],
        ),
        (["student.tool_parser=hermes", "student.dialect=native"], []),
        (
            ["teacher.samples={max: 4, until: {correct: 1}}"],
            ["teacher.samples.until has no effect where samples.min is samples.max"],
        ),
    ],
)
def test_settings_of_a_part_that_is_off_are_said(
    overrides: list[str], sentences: list[str]
) -> None:
    found = turned_off(load("pocket", overrides))
    assert len(found) == len(sentences)
    for sentence, expected in zip(found, sentences, strict=True):
        assert sentence.startswith(expected)


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_give_no_setting_of_a_part_that_is_off(name: str) -> None:
    assert turned_off(load(name)) == []


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_have_no_such_setting_and_take_more_samples(name: str) -> None:
    for role in ("teacher", "student"):
        assert getattr(load(name, [f"{role}.samples.max=32"]), role).samples.max == 32


def test_without_until_min_is_max() -> None:
    recipe = load("pocket", ["teacher.samples={max: 7}", "student.samples={max: 1}"])
    assert (recipe.teacher.samples.min, recipe.student.samples.min) == (7, 1)
