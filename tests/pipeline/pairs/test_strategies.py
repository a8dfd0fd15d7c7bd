from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pairs.candidates import Candidates, Draft, shared_steps
from pipeline.pairs.selection import make_pair
from pipeline.pairs.strategies import (
    concise,
    corrected,
    first_divergence,
    first_fatal_step,
    mends,
    outcome,
    recovered,
    reference,
)
from pipeline.problems.reference.chain import reference_chain
from pipeline.records import Chain, Problem, Step
from tests.pipeline.agent.scripted import ARITHMETIC
from tests.pipeline.pairs.chains import (
    DIALECT,
    EARLY,
    EMPTY,
    LATE,
    QUESTION,
    RIGHT,
    RIGHT_2,
    STUCK,
    candidates,
    chain,
    ids,
    step,
)


def test_outcome_prefers_each_right_chain_to_each_wrong_one_different_chains_first() -> None:
    drafts = list(outcome(candidates([RIGHT, RIGHT_2], [LATE, EARLY])))
    assert ids(drafts) == [
        ("right", "late"),
        ("right 2", "early"),
        ("right", "early"),
        ("right 2", "late"),
    ]
    assert {draft.shared for draft in drafts} == {0}


def test_first_divergence_puts_the_longest_agreement_first() -> None:
    drafts = list(first_divergence(candidates([RIGHT_2, RIGHT], [EARLY, LATE])))
    assert ids(drafts)[0] == ("right", "late")
    assert [draft.shared for draft in drafts] == [1, 0, 0, 0]


def test_reference_prefers_the_worked_solution_to_every_wrong_chain() -> None:
    problem = Problem("p", "arithmetic", QUESTION, "10", "train", ("3*4=12", "12-2=10"))
    worked = reference_chain(problem, ARITHMETIC)
    assert worked is not None
    assert ids(list(reference(candidates([], [LATE, EARLY], worked)))) == [
        ("p/reference", "late"),
        ("p/reference", "early"),
    ]
    assert list(reference(candidates())) == []
    assert [step.reply for step in worked.steps] == [
        "multiply(a=3, b=4)",
        "subtract(a=12, b=2)",
        "answer(value=10)",
    ]


def test_shared_steps_leave_each_chain_at_least_one() -> None:
    assert shared_steps(RIGHT, LATE) == 1
    assert shared_steps(RIGHT, EARLY) == 0
    assert shared_steps(RIGHT, RIGHT) == 2
    assert shared_steps(RIGHT, EMPTY) == shared_steps(EMPTY, RIGHT) == 0


def test_the_same_reply_with_another_result_is_not_shared() -> None:
    other = Chain(
        "o",
        "p",
        "m",
        0,
        0,
        (),
        (Step("multiply(a=3, b=4)", None, None), *RIGHT.steps[1:]),
        "answer",
    )
    assert shared_steps(RIGHT, other) == 0


FAILED = chain(
    "failed",
    "multiply(a=3, b=4)",
    "subtract(a=12)",  # an argument is missing
    "subtract(a=12, b=2)",
    "minus(a=10, b=1)",  # no such function
    "subtract(a=10, b=1)",
    "answer(9)",
)


def test_recovered_prefers_a_mended_call_to_the_failed_one_before_it() -> None:
    drafts = list(recovered(candidates([RIGHT], [FAILED, STUCK])))
    assert [draft.shared for draft in drafts] == [1, 3]
    for draft in drafts:
        before = FAILED.steps[: draft.shared]
        failed, mended = FAILED.steps[draft.shared : draft.shared + 2]
        assert draft.chosen.steps == (*before, mended)
        assert draft.rejected.steps == (*before, failed)
    pair = make_pair(candidates(), drafts[0], "recovered", DIALECT)
    assert [m["content"] for m in pair.prompt[2:]] == ["multiply(a=3, b=4)", "12"]
    assert [m["content"] for m in pair.chosen] == ["subtract(a=12, b=2)"]
    assert [m["content"] for m in pair.rejected] == ["subtract(a=12)"]


def test_recovered_takes_right_chains_first() -> None:
    again = replace(FAILED, chain_id="again")
    drafts = list(recovered(candidates([again], [FAILED])))
    assert [draft.chosen.chain_id for draft in drafts] == ["again", "again", "failed", "failed"]


@pytest.mark.parametrize(
    ("failed", "next_one", "is_mended"),
    [
        ("divide(a=7, b=0)", "divide(a=7, b=2)", True),  # the same function, executed and failed
        ("add(a=7", "add(a=7, b=1)", True),  # the same function, unparseable
        ("Add them: plus(7, 1.5)", "add(a=7, b=1.5)", True),  # the same numbers
        ("plus(7, 15)", "add(a=7, b=1)", False),  # 1 is no part of 15
        ("I do not know.", "add(a=7, b=1)", False),
        ("add(a=7", "answer(8)", False),  # it may be wrong
        ("add(a=7", "add(b=1", False),  # failed again
        ("add(a=7, b=2)", "add(a=7, b=1)", False),  # had not failed
    ],
)
def test_a_mended_call_is_what_the_failed_one_tried(
    failed: str, next_one: str, is_mended: bool
) -> None:
    assert mends(step(failed), step(next_one)) is is_mended


def test_concise_prefers_fewer_steps_the_largest_saving_first() -> None:
    longer = chain("longer", "multiply(a=3", *[step.reply for step in RIGHT.steps])
    longest = chain("longest", "oh", *[step.reply for step in longer.steps])
    drafts = list(concise(candidates([longer, RIGHT, longest], [LATE])))
    assert ids(drafts) == [("right", "longest"), ("right", "longer"), ("longer", "longest")]
    assert {draft.shared for draft in drafts} == {0}


def test_concise_prefers_a_fifth_fewer_tokens_where_the_steps_are_as_many() -> None:
    def worded(name: str, tokens: int, model: str = "student") -> Chain:
        steps = tuple(replace(step, completion_tokens=tokens) for step in RIGHT.steps)
        return replace(RIGHT, chain_id=name, steps=steps, model=model)

    brief, wordy = worded("brief", 80), worded("wordy", 100)
    assert ids(list(concise(candidates([wordy, brief], [])))) == [("brief", "wordy")]
    assert list(concise(candidates([wordy, worded("nearly", 81)], []))) == []
    assert list(concise(candidates([wordy, worded("other", 10, "teacher")], []))) == []


def _continued(steps: int, right: bool | None, sample: int = 0) -> tuple[Chain, bool | None]:
    """What the teacher made of the first `steps` steps of WRONG."""
    replies = [step.reply for step in WRONG.steps[:steps]]
    made = chain(f"after {steps}", *replies, "answer(10)", model="teacher", sample=sample)
    return replace(made, prefix_steps=steps), right


WRONG = chain("wrong", "multiply(a=3, b=4)", "add(a=12, b=2)", "add(a=14, b=1)", "answer(15)")
TEACHER = replace(RIGHT, chain_id="teacher", model="teacher")


def _corrected(right: Sequence[Chain], *continued: tuple[Chain, bool | None]) -> list[Draft]:
    return list(corrected(Candidates("p", QUESTION, tuple(right), (WRONG,), None, continued)))


def test_corrected_parts_at_the_students_first_fatal_step() -> None:
    (draft,) = _corrected([TEACHER], _continued(1, True), _continued(2, False), _continued(3, True))
    assert (draft.chosen.chain_id, draft.rejected.chain_id, draft.shared) == ("after 1", "wrong", 1)
    pair = make_pair(candidates(), draft, "corrected", DIALECT)
    assert [m["content"] for m in pair.prompt[2:]] == ["multiply(a=3, b=4)", "12"]
    assert [m["content"] for m in pair.chosen] == ["answer(10)"]
    assert [m["content"] for m in pair.rejected] == [
        "add(a=12, b=2)",
        "14",
        "add(a=14, b=1)",
        "15",
        "answer(15)",
    ]


def test_corrected_from_the_first_step_prefers_the_teachers_own_chain() -> None:
    (draft,) = _corrected([TEACHER], *[_continued(steps, False) for steps in (1, 2, 3)])
    assert (draft.chosen, draft.shared) == (TEACHER, 0)
    assert _corrected([RIGHT], *[_continued(steps, False) for steps in (1, 2, 3)]) == []


def test_corrected_leaves_out_what_is_not_of_this_chain_and_chains_of_the_teacher() -> None:
    others = [_continued(steps, True, sample=1) for steps in (1, 2, 3)]
    assert _corrected([TEACHER], *others) == []  # after no step right, after one not known
    theirs = replace(WRONG, model="teacher")
    kept = tuple(_continued(steps, False) for steps in (1, 2, 3))
    assert list(corrected(Candidates("p", QUESTION, (TEACHER,), (theirs,), None, kept))) == []


@pytest.mark.parametrize(
    ("right", "fatal"),
    [
        ([True, True, False], 1),
        ([True, True, True], 2),  # the last step itself
        ([False, True, False], 1),  # from the question alone the teacher failed by chance
        ([True, None, False], None),  # an engine error hides where it turned
        ([True, False, True, False], 0),  # the first
        ([False, False], None),
        ([True], 0),
        ([], None),
    ],
)
def test_the_first_fatal_step_is_where_the_teacher_is_right_for_the_last_time(
    right: list[bool | None], fatal: int | None
) -> None:
    assert first_fatal_step(right) == fatal


@given(st.lists(st.sampled_from([True, False, None]), max_size=8))
def test_before_the_fatal_step_the_teacher_was_right_and_behind_it_wrong(
    right: list[bool | None],
) -> None:
    fatal = first_fatal_step(right)
    turns = [k for k, (a, b) in enumerate(pairwise([*right, False])) if (a, b) == (True, False)]
    assert fatal == (turns[0] if turns else None)
