from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from pipeline.generation.tasks import (
    by_problem,
    continuations,
    next_tasks,
    task,
    tasks_of_round,
    vote,
)
from pipeline.hashing import stable_hash
from pipeline.recipe.models import Samples, Until
from pipeline.records import Chain, Problem, Step, Task

PROBLEMS = [Problem(f"p{i}", "arithmetic", f"{i} + 1?", str(i + 1), "train") for i in range(1, 5)]
UNTIL = Samples(min=2, max=4, until=Until(correct=1, incorrect=1))


def _ids(tasks: Iterable[Task]) -> list[str]:
    return [task.task_id for task in tasks]


def test_a_task_id_contains_problem_model_and_sample() -> None:
    made = task(PROBLEMS[0], "teacher", 0, seed=7)
    assert made.task_id == "p1/teacher/0"
    assert (made.problem, made.model, made.sample_index) == (PROBLEMS[0], "teacher", 0)


def test_a_seed_is_derived_from_the_recipes_seed_and_the_task_id() -> None:
    """The first 8 bytes of `printf 7/p1/teacher/0 | sha256sum`, modulo 2**31."""
    assert task(PROBLEMS[0], "teacher", 0, seed=7).seed == 0xE4CF1FD38D883E07 % 2**31
    seeds = {
        task(problem, model, index, seed).seed
        for problem in PROBLEMS
        for model in ("teacher", "student")
        for index in range(3)
        for seed in (0, 1)
    }
    assert len(seeds) == 4 * 2 * 3 * 2


@given(st.permutations(PROBLEMS), st.integers(1, 3))
def test_ids_and_seeds_do_not_depend_on_the_order_or_number_of_problems(
    problems: list[Problem], count: int
) -> None:
    samples = Samples(min=2, max=2)
    every = {t.task_id: t for t in next_tasks(PROBLEMS, "teacher", samples, 7, {})}
    for made in next_tasks(problems[:count], "teacher", samples, 7, {}):
        assert made == every[made.task_id]


def test_without_until_every_problem_gets_max_chains_at_once() -> None:
    made = next_tasks(PROBLEMS[:2], "teacher", Samples(min=1, max=3), 7, {})
    assert _ids(made) == [f"p{p}/teacher/{i}" for p in (1, 2) for i in range(3)]


def test_the_first_wave_is_min_and_later_waves_add_one_if_a_verdict_is_lacking() -> None:
    assert _ids(next_tasks(PROBLEMS, "t", UNTIL, 7, {})) == [
        f"p{p}/t/{i}" for p in range(1, 5) for i in range(2)
    ]
    verdicts = {
        "p1": [True, False],  # has both
        "p2": [True, True],  # lacks an incorrect one
        "p3": [False, None],  # lacks a correct one; an engine error is neither
        "p4": [False, False, False, False],  # has `max` chains
    }
    assert _ids(next_tasks(PROBLEMS, "t", UNTIL, 7, verdicts)) == ["p2/t/2", "p3/t/2"]


def test_a_resumed_run_completes_the_first_wave() -> None:
    assert _ids(next_tasks(PROBLEMS[:2], "t", UNTIL, 7, {"p1": [True], "p2": [True, False]})) == [
        "p1/t/1"
    ]


def test_a_model_with_all_its_chains_has_no_next_tasks() -> None:
    assert _ids(next_tasks(PROBLEMS[:1], "t", Samples(min=1, max=2), 7, {"p1": [None, None]})) == []
    assert _ids(next_tasks([], "t", UNTIL, 7, {})) == []
    assert _ids(next_tasks(PROBLEMS, "t", Samples(min=0, max=0), 7, {})) == []


def test_a_chain_is_continued_after_each_of_its_steps_except_the_last() -> None:
    replies = ["add(a=1, b=1)", "add(a=2", "answer(3)"]
    steps = tuple(Step(reply, None, None) for reply in replies)
    chain = Chain("p1/student/2", "p1", "student", 2, 0, (), steps, "answer")
    made = continuations(PROBLEMS[0], "teacher", chain, seed=7)
    assert _ids(made) == ["p1/teacher/after/2/1", "p1/teacher/after/2/2"]
    assert [task.prefix for task in made] == [tuple(replies[:1]), tuple(replies[:2])]
    assert {(task.model, task.sample_index, task.problem) for task in made} == {
        ("teacher", 2, PROBLEMS[0])
    }
    assert made[0].seed == stable_hash("7/p1/teacher/after/2/1") % 2**31
    assert made[0].seed != made[1].seed


def test_votes_share_no_seed_and_no_id_with_training_chains() -> None:
    """Also not with those of a later round, or with continuations."""
    samples = Samples(min=8, max=8)
    chains = [*next_tasks(PROBLEMS, "teacher", samples, 7, {})]
    votes = [vote(problem, "teacher", i, 7) for problem in PROBLEMS for i in range(8)]
    later = [*tasks_of_round(chains, 2, 7)]
    assert votes[1].task_id == "p1/teacher/vote/1"
    assert votes[1].seed == stable_hash("7/p1/teacher/vote/1") % 2**31
    every = [*chains, *votes, *later]
    assert len({made.seed for made in every}) == len({made.task_id for made in every}) == 96


def test_a_chain_of_at_most_one_step_has_no_continuations() -> None:
    for steps in ((), (Step("answer(3)", None, None),)):
        chain = Chain("p1/student/0", "p1", "student", 0, 0, (), steps, "answer")
        assert continuations(PROBLEMS[0], "teacher", chain, seed=7) == []


VERDICTS = st.lists(st.sampled_from([True, False, None]), min_size=6, max_size=6)


@given(
    outcomes=st.lists(VERDICTS, min_size=4, max_size=4),
    least=st.integers(0, 3),
    more=st.integers(0, 3),
    until=st.none() | st.builds(Until, correct=st.integers(0, 2), incorrect=st.integers(0, 2)),
)
def test_waves_end_with_each_task_once_and_a_restart_plans_the_same(
    outcomes: list[list[bool | None]], least: int, more: int, until: Until | None
) -> None:
    samples = Samples(min=least, max=least + more, until=until)
    correct = {
        f"{p.problem_id}/t/{i}": o[i]
        for p, o in zip(PROBLEMS, outcomes, strict=True)
        for i in range(6)
    }
    rows: list[dict[str, object]] = []
    seen: list[str] = []
    for _ in range(samples.max + 1):
        wave = [*next_tasks(PROBLEMS, "t", samples, 7, by_problem(rows))]
        assert wave == [*next_tasks(PROBLEMS, "t", samples, 7, by_problem(rows))]  # a restart
        seen += _ids(wave)
        rows += [{"problem_id": t.problem.problem_id, "correct": correct[t.task_id]} for t in wave]
    assert _ids(next_tasks(PROBLEMS, "t", samples, 7, by_problem(rows))) == []
    assert len(set(seen)) == len(seen)
    for problem, verdicts in by_problem(rows).items():
        assert samples.min <= len(verdicts) <= samples.max
        assert [f"{problem}/t/{i}" in seen for i in range(len(verdicts))] == [True] * len(verdicts)
        if until and len(verdicts) > samples.min:  # the last one was still needed
            before = verdicts[:-1]
            lacks = before.count(True) < until.correct, before.count(False) < until.incorrect
            assert any(lacks)


def test_verdicts_are_grouped_by_problem() -> None:
    rows = [("p1", True), ("p2", None), ("p1", False)]
    grouped = by_problem({"problem_id": name, "correct": correct} for name, correct in rows)
    assert grouped == {"p1": [True, False], "p2": [None]}
