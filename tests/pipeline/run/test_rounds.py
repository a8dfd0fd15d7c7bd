from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CannotStart
from pipeline.generation.tasks import continuations, next_tasks, task, tasks_of_round
from pipeline.problems.pocket.world import problems as pocket_problems
from pipeline.problems.reader import ProblemFile, read_problems
from pipeline.problems.source import read_source
from pipeline.recipe.load import Recipe, load
from pipeline.records import Problem, Task
from pipeline.run.rounds import (
    HELDOUT,
    Solved,
    describe,
    outcome,
    set_aside,
    source_of_round,
    without_heldout,
)
from tests.pipeline.agent.scripted import ARITHMETIC

COUNTS = ("problems.counts.train=40", "problems.counts.test=30", "problems.counts.ood=20")


def _pocket(*overrides: str) -> Recipe:
    return load("pocket", [*COUNTS, "train.heldout_problems=50", "train.rounds=3", *overrides])


def _problem(index: int, split: str = "train", question: str | None = None) -> Problem:
    return Problem(f"{split}-{index}", "arithmetic", question or f"{split} {index}?", "1", split)


def _solved(*outcomes: bool) -> dict[str, bool]:
    return {f"p{index}": correct for index, correct in enumerate(outcomes)}


def _share(correct: int, n: int = 200) -> Solved:
    """The first `correct` of `n` problems solved."""
    return _solved(*(index < correct for index in range(n)))


# Problems


def test_rounds_of_the_pocket_world_share_no_training_problem() -> None:
    recipe = _pocket()
    source, heldout = without_heldout(recipe, read_source(recipe))
    assert source == read_source(recipe)  # round 1 equals a run without rounds
    rounds = [source_of_round(recipe, source, heldout, number) for number in (1, 2, 3)]
    asked = [[p.question for p in each.problems if p.split == "train"] for each in rounds]
    asked += [[p.question for p in heldout], [p.question for p in pocket_problems(30, 0, "test")]]
    assert [len(questions) for questions in asked] == [40, 40, 40, 50, 30]
    assert len({question for questions in asked for question in questions}) == 200
    ids = [p.problem_id for each in rounds for p in each.problems if p.split == "train"]
    assert len({*ids, *(p.problem_id for p in heldout)}) == 170
    assert {p.split for p in heldout} == {HELDOUT}
    for each in rounds:
        assert [p for p in each.problems if p.split != "train"] == [
            p for p in source.problems if p.split != "train"
        ]


def test_the_problems_of_a_round_are_deterministic() -> None:
    recipe = _pocket()
    source, heldout = without_heldout(recipe, read_source(recipe))
    again = source_of_round(recipe, *without_heldout(recipe, read_source(recipe)), 3)
    assert source_of_round(recipe, source, heldout, 3) == again
    more = without_heldout(_pocket("train.rounds=9"), read_source(recipe))
    assert more == (source, heldout)


def test_with_a_file_all_rounds_use_the_problems_that_are_not_held_out() -> None:
    everything = tuple(_problem(i) for i in range(50)) + tuple(_problem(i, "test") for i in (1, 2))
    recipe = _pocket("train.heldout_problems=7")
    source, heldout = without_heldout(recipe, ProblemFile(everything, (), "generic"))
    assert len(heldout) == 7
    ids = {problem.problem_id for problem in source.problems}
    assert ids == {p.problem_id for p in everything} - {p.problem_id for p in heldout}
    assert source_of_round(recipe, source, heldout, 2) is source


def test_a_fifth_of_a_small_file_is_held_out() -> None:
    rest, heldout = set_aside([_problem(index) for index in range(23)], 500)
    assert (len(rest), len(heldout)) == (19, 4)


def test_too_few_problems_for_rounds_are_refused() -> None:
    with pytest.raises(CannotStart) as raised:
        set_aside([_problem(index) for index in range(4)], 500)
    assert str(raised.value) == (
        "train.rounds above 1 needs at least 5 training problems, of which a fifth is held out to "
        "choose between rounds; there are 4"
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["train", "test", "ood"]))))
def test_a_held_out_question_is_in_no_other_split(
    asked: list[tuple[int, str]],
) -> None:
    asked += [(10 + index, "train") for index in range(5)]
    problems = [_problem(i, split, f"{number}?") for i, (number, split) in enumerate(asked)]
    rest, heldout = set_aside(problems, 3)
    assert heldout
    questions = {problem.question for problem in heldout}
    assert len(questions) == len(heldout)
    assert not questions & {problem.question for problem in rest}
    assert {p for p in problems if p.split != "train"} <= set(rest)


# Tasks


def test_tasks_of_round_1_equal_those_of_a_run_without_rounds() -> None:
    tasks = [task(_problem(0), "student", 0, 3)]
    assert [*tasks_of_round(tasks, 1, 3)] == tasks


def test_later_rounds_have_their_own_task_ids_and_seeds() -> None:
    samples = load("pocket").student.samples
    first = [*next_tasks([_problem(0)], "student", samples, 3, {})]
    (second,) = tasks_of_round(first, 2, 3)
    assert second.task_id == "train-0/student/r2/0"
    assert second.seed != first[0].seed
    assert second.seed != next(tasks_of_round(first, 3, 3)).seed
    assert second.seed != next(tasks_of_round(first, 2, 4)).seed
    same = [(t.problem, t.model, t.sample_index, t.prefix) for t in (first[0], second)]
    assert same[0] == same[1]


def test_the_round_is_inserted_before_the_position_of_a_continuation() -> None:
    from pipeline.problems.reference.chain import reference_chain

    solutions = ((p, reference_chain(p, ARITHMETIC)) for p in pocket_problems(20, 0, "train"))
    problem, chain = next((p, chain) for p, chain in solutions if chain and chain.calls > 1)
    tasks = continuations(problem, "teacher", chain, 0)
    ids = [each.task_id for each in tasks_of_round(tasks, 2, 0)]
    assert ids[0] == f"{problem.problem_id}/teacher/r2/after/{chain.sample_index}/1"


@given(st.integers(2, 5), st.integers(2, 5), st.sampled_from(["teacher", "student"]))
def test_no_two_rounds_share_a_task(first: int, second: int, model: str) -> None:
    problems = [_problem(index) for index in range(3)]
    tasks: list[Task] = [task(p, model, index, 0) for p in problems for index in range(2)]
    ids = {each.task_id for each in tasks_of_round(tasks, first, 0)}
    assert len(ids) == 6
    others = {each.task_id for each in tasks_of_round(tasks, second, 0)}
    assert ids == others if first == second else not ids & others


# When rounds end


def test_rounds_continue_while_the_exact_test_finds_a_gain() -> None:
    result = outcome([_share(80), _share(120)], most=3)
    assert (result.best, result.stopped) == (1, None)
    assert [line["round"] for line in result.students] == [0, 1]
    assert result.students[1]["accuracy"] == 0.6
    assert result.students[1]["gain"] == 0.2
    assert result.students[1]["gain_ci95"][0] > 0
    assert "gain" not in result.students[0]


def test_a_gain_within_noise_ends_the_rounds() -> None:
    result = outcome([_share(80), _share(120), _share(121)], most=5)
    assert result.stopped == "the gain of round 2 is within noise"
    assert result.best == 2  # it solved more, though not significantly
    assert outcome([_share(80), _share(120), _share(119)], most=5).best == 1


def test_with_equal_accuracy_the_earlier_round_is_best() -> None:
    result = outcome([_share(80), _share(120), _share(120)], most=5)
    assert (result.best, result.stopped) == (1, "the gain of round 2 is within noise")


def test_the_student_before_training_is_best_if_no_round_solved_more() -> None:
    result = outcome([_share(80), _share(20)], most=5)
    assert (result.best, result.stopped) == (0, "round 1 made the student worse")
    assert outcome([_share(80), _share(80)], most=5).best == 0
    assert describe(result).endswith("student/ is the one before training")


def test_four_gained_and_none_lost_do_not_continue_the_rounds() -> None:
    result = outcome([_share(80), _share(84)], most=5)
    assert (result.best, result.stopped) == (1, "the gain of round 1 is within noise")
    assert result.students[1]["p_value"] == pytest.approx(0.125)
    assert result.students[1]["gain_ci95"][0] == 0
    assert outcome([_share(80), _share(86)], most=5).stopped is None  # p = 2 / 64


def test_the_best_round_is_chosen_on_problems_measured_for_every_student() -> None:
    before = _solved(*[True] * 10, *[False] * 10)  # 10 of 20
    after = {f"p{index}": index < 9 for index in range(10)}  # 9 of 10, an outage on the others
    result = outcome([before, after], most=5)
    assert result.students[1]["accuracy"] > result.students[0]["accuracy"]
    assert (result.best, result.students[1]["compared"]) == (0, 10)


def test_rounds_end_at_the_configured_number() -> None:
    result = outcome([_share(40), _share(80), _share(120)], most=2)
    assert (result.best, result.stopped) == (2, "all 2 rounds were trained")


def test_a_gain_counts_only_problems_measured_for_both_students() -> None:
    before = {"a": False, "b": True}
    after = {"a": True, "c": False}  # the engine failed on b after, and on c before
    result = outcome([before, after], most=2)
    assert result.students[1]["gain"] == 1.0
    assert (result.students[1]["n"], result.students[1]["accuracy"]) == (2, 0.5)


def test_rounds_end_if_nothing_was_measured() -> None:
    result = outcome([{}, {}], most=3)
    assert (result.best, result.stopped) == (0, "the gain of round 1 is within noise")
    assert [line["accuracy"] for line in result.students] == [None, None]
    assert "round 1: - of 0 held-out problems solved" in describe(result)
    assert "no problem has a verdict of both" in describe(result)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6))
def test_the_best_round_is_the_first_with_the_highest_accuracy(counts: list[int]) -> None:
    result = outcome([_share(count, 40) for count in counts], most=9)
    assert result.best == counts.index(max(counts))


def test_the_last_round_is_described_in_one_line() -> None:
    assert describe(outcome([_share(80), _share(120)], most=3)).startswith(
        "round 1: 60.0% of 200 held-out problems solved, the student before: 40.0%; "
        "gain +20.0 points (95% +1"
    )
    assert describe(outcome([_share(80), _share(120)], most=3)).endswith(
        "; continuing with round 2"
    )
    text = describe(outcome([_share(80), _share(120), _share(119)], most=3))
    assert text.startswith("round 2: 59.5% of 200 held-out problems solved, round 1: 60.0%; gain -")
    assert text.endswith(
        "rounds end: the gain of round 2 is within noise; student/ is that of round 1"
    )


def test_whole_groups_are_held_out() -> None:
    problems = [replace(_problem(index), group=f"story {index % 30}") for index in range(150)]
    problems += [replace(_problem(index, "test"), group=f"story {index}") for index in range(3)]
    rest, heldout = set_aside(problems, 22)
    assert len(heldout) == 20  # four stories of five problems
    stories = {problem.group for problem in heldout}
    assert len(stories) == 4
    assert not stories & {problem.group for problem in rest}
    assert len(rest) == 133


def test_groups_that_are_too_large_to_hold_out_are_refused() -> None:
    problems = [replace(_problem(index), group=f"{index % 2}") for index in range(20)]
    with pytest.raises(CannotStart, match=r"the smallest of 2 groups \(problems.group\) has 10"):
        set_aside(problems, 500)


def test_folio_problems_are_held_out_by_story(folio_path: str) -> None:
    rest, heldout = set_aside(read_problems(folio_path).problems, 145)
    assert len(heldout) > 140
    assert not {problem.group for problem in rest} & {problem.group for problem in heldout}


def test_held_out_pocket_problems_share_no_template_with_training() -> None:
    recipe = _pocket()
    source, heldout = without_heldout(recipe, read_source(recipe))
    training = [source_of_round(recipe, source, heldout, number) for number in (1, 2, 3)]
    groups = {p.group for each in training for p in each.problems if p.split == "train"}
    assert not groups & {problem.group for problem in heldout}
