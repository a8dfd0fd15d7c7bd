from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CannotStart
from pipeline.generation.tasks import continuations, next_tasks, task, tasks_of_round
from pipeline.problems.pocket.world import problems as pocket_problems
from pipeline.problems.reader import ProblemFile
from pipeline.problems.source import read_source
from pipeline.recipe.load import Recipe, load
from pipeline.records import Problem, Task
from pipeline.run.rounds import (
    HELDOUT,
    Solved,
    outcome,
    set_aside,
    source_of_round,
    told,
    without_heldout,
)
from tests.pipeline.agent.scripted import ARITHMETIC

COUNTS = ("problems.counts.train=40", "problems.counts.test=30", "problems.counts.ood=20")


def _pocket(*overrides: str) -> Recipe:
    return load("pocket", [*COUNTS, "train.heldout_problems=50", "train.rounds=3", *overrides])


def _problem(index: int, split: str = "train", question: str | None = None) -> Problem:
    return Problem(f"{split}-{index}", "arithmetic", question or f"{split} {index}?", "1", split)


def _solved(*outcomes: bool) -> dict[str, bool]:
    return {f"p{index}": right for index, right in enumerate(outcomes)}


def _share(right: int, n: int = 200) -> Solved:
    """The first `right` of `n` problems solved."""
    return _solved(*(index < right for index in range(n)))


# Problems


def test_every_round_of_the_pocket_world_has_problems_of_its_own() -> None:
    recipe = _pocket()
    source, heldout = without_heldout(recipe, read_source(recipe))
    assert source == read_source(recipe)  # the first round is that of a run without rounds
    rounds = [source_of_round(recipe, source, heldout, number) for number in (1, 2, 3)]
    asked = [[p.question for p in found.problems if p.split == "train"] for found in rounds]
    asked += [[p.question for p in heldout], [p.question for p in pocket_problems(30, 0, "test")]]
    assert [len(questions) for questions in asked] == [40, 40, 40, 50, 30]
    assert len({question for questions in asked for question in questions}) == 200
    ids = [p.problem_id for found in rounds for p in found.problems if p.split == "train"]
    assert len({*ids, *(p.problem_id for p in heldout)}) == 170
    assert {p.split for p in heldout} == {HELDOUT}
    for found in rounds:
        assert [p for p in found.problems if p.split != "train"] == [
            p for p in source.problems if p.split != "train"
        ]


def test_the_problems_of_a_round_are_the_same_every_time() -> None:
    recipe = _pocket()
    source, heldout = without_heldout(recipe, read_source(recipe))
    again = source_of_round(recipe, *without_heldout(recipe, read_source(recipe)), 3)
    assert source_of_round(recipe, source, heldout, 3) == again
    more = without_heldout(_pocket("train.rounds=9"), read_source(recipe))
    assert more == (source, heldout)


def test_a_file_gives_each_round_the_same_problems_but_those_held_out() -> None:
    everything = tuple(_problem(i) for i in range(50)) + tuple(_problem(i, "test") for i in (1, 2))
    recipe = _pocket("train.heldout_problems=7")
    source, heldout = without_heldout(recipe, ProblemFile(everything, (), "generic"))
    assert len(heldout) == 7
    kept = {problem.problem_id for problem in source.problems}
    assert kept == {p.problem_id for p in everything} - {p.problem_id for p in heldout}
    assert source_of_round(recipe, source, heldout, 2) is source


def test_of_a_small_file_a_fifth_is_held_out() -> None:
    kept, heldout = set_aside([_problem(index) for index in range(23)], 500)
    assert (len(kept), len(heldout)) == (19, 4)


def test_too_few_problems_for_rounds_are_refused() -> None:
    with pytest.raises(CannotStart) as raised:
        set_aside([_problem(index) for index in range(4)], 500)
    assert str(raised.value) == (
        "train.rounds above 1 needs at least 5 training problems, of which a fifth is held out to "
        "choose between rounds; there are 4"
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["train", "test", "ood"]))))
def test_a_held_out_question_trains_nothing_and_evaluates_nothing(
    asked: list[tuple[int, str]],
) -> None:
    asked += [(10 + index, "train") for index in range(5)]
    problems = [_problem(i, split, f"{number}?") for i, (number, split) in enumerate(asked)]
    kept, heldout = set_aside(problems, 3)
    assert heldout
    questions = {problem.question for problem in heldout}
    assert len(questions) == len(heldout)
    assert not questions & {problem.question for problem in kept}
    assert {p for p in problems if p.split != "train"} <= set(kept)


# Tasks


def test_tasks_of_the_first_round_are_those_of_a_run_without_rounds() -> None:
    tasks = [task(_problem(0), "student", 0, 3)]
    assert [*tasks_of_round(tasks, 1, 3)] == tasks


def test_tasks_of_a_further_round_say_so_and_are_sampled_anew() -> None:
    samples = load("pocket").student.samples
    first = [*next_tasks([_problem(0)], "student", samples, 3, {})]
    (second,) = tasks_of_round(first, 2, 3)
    assert second.task_id == "train-0/student/r2/0"
    assert second.seed != first[0].seed
    assert second.seed != next(tasks_of_round(first, 3, 3)).seed
    assert second.seed != next(tasks_of_round(first, 2, 4)).seed
    same = [(t.problem, t.model, t.sample_index, t.prefix) for t in (first[0], second)]
    assert same[0] == same[1]


def test_a_continuation_keeps_its_place_in_the_name() -> None:
    from pipeline.problems.reference.chain import reference_chain

    worked = ((p, reference_chain(p, ARITHMETIC)) for p in pocket_problems(20, 0, "train"))
    problem, chain = next((p, found) for p, found in worked if found and found.calls > 1)
    tasks = continuations(problem, "teacher", chain, 0)
    ids = [found.task_id for found in tasks_of_round(tasks, 2, 0)]
    assert ids[0] == f"{problem.problem_id}/teacher/r2/after/{chain.sample_index}/1"


@given(st.integers(2, 5), st.integers(2, 5), st.sampled_from(["teacher", "student"]))
def test_no_two_rounds_share_a_task(first: int, second: int, model: str) -> None:
    problems = [_problem(index) for index in range(3)]
    tasks: list[Task] = [task(p, model, index, 0) for p in problems for index in range(2)]
    ids = {found.task_id for found in tasks_of_round(tasks, first, 0)}
    assert len(ids) == 6
    others = {found.task_id for found in tasks_of_round(tasks, second, 0)}
    assert ids == others if first == second else not ids & others


# When rounds end


def test_rounds_go_on_while_the_gain_is_clear_of_zero() -> None:
    found = outcome([_share(80), _share(120)], most=3)
    assert (found.best, found.stopped) == (1, None)
    assert [line["round"] for line in found.students] == [0, 1]
    assert found.students[1]["accuracy"] == 0.6
    assert found.students[1]["gain"] == 0.2
    assert found.students[1]["gain_ci95"][0] > 0
    assert "gain" not in found.students[0]


def test_a_gain_within_noise_ends_them_and_the_best_round_stays() -> None:
    found = outcome([_share(80), _share(120), _share(121)], most=5)
    assert found.stopped == "the gain of round 2 is within noise"
    assert found.best == 2  # it solved more, if not clearly
    assert outcome([_share(80), _share(120), _share(119)], most=5).best == 1


def test_of_two_equal_rounds_the_earlier_is_best() -> None:
    found = outcome([_share(80), _share(120), _share(120)], most=5)
    assert (found.best, found.stopped) == (1, "the gain of round 2 is within noise")


def test_the_student_before_is_no_round() -> None:
    found = outcome([_share(80), _share(20)], most=5)
    assert (found.best, found.stopped) == (1, "round 1 made the student worse")


def test_no_more_rounds_than_asked_for_are_trained() -> None:
    found = outcome([_share(40), _share(80), _share(120)], most=2)
    assert (found.best, found.stopped) == (2, "all 2 rounds were trained")


def test_a_gain_is_that_on_problems_which_both_students_were_judged_on() -> None:
    before = {"a": False, "b": True}
    after = {"a": True, "c": False}  # the engine failed on b, and before on c
    found = outcome([before, after], most=2)
    assert found.students[1]["gain"] == 1.0
    assert (found.students[1]["n"], found.students[1]["accuracy"]) == (2, 0.5)


def test_nothing_measured_ends_them() -> None:
    found = outcome([{}, {}], most=3)
    assert found.stopped == "the gain of round 1 is within noise"


@given(st.lists(st.integers(0, 40), min_size=2, max_size=6))
def test_the_best_round_is_the_first_that_solved_most(counts: list[int]) -> None:
    found = outcome([_share(count, 40) for count in counts], most=9)
    assert found.best == 1 + counts[1:].index(max(counts[1:]))


def test_the_last_round_is_told_in_one_line() -> None:
    assert told(outcome([_share(80), _share(120)], most=3)).startswith(
        "round 1: 60.0% of 200 held-out problems solved, the student before: 40.0%; "
        "gain +20.0 points (95% +1"
    )
    assert told(outcome([_share(80), _share(120)], most=3)).endswith("; on with round 2")
    text = told(outcome([_share(80), _share(120), _share(119)], most=3))
    assert text.startswith("round 2: 59.5% of 200 held-out problems solved, round 1: 60.0%; gain -")
    assert text.endswith(
        "rounds end: the gain of round 2 is within noise; student/ is that of round 1"
    )
