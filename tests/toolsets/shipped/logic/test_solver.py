import json
import statistics
import time
from pathlib import Path

import pytest

from tests.toolsets.shipped.logic.conclusions import DIFFERENT_NAMES, NOISY, SAMPLE
from tests.toolsets.shipped.logic.pelletier import PROBLEMS
from toolsets.languages.formula.lenient import read_problem
from toolsets.languages.formula.parser import parse
from toolsets.shipped.logic.solver import INCONSISTENT, Entailment, consistent, entails, equivalent

SUCCESSOR = [  # true in infinite worlds only
    "forall x forall y (s(x) = s(y) -> x = y)",
    "forall x s(x) != zero",
]


def ask(premises: list[str], conclusion: str) -> Entailment:
    return entails([parse(premise) for premise in premises], parse(conclusion))


@pytest.mark.parametrize(
    ("premises", "conclusion", "answer"),
    [
        (["forall x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["forall x (Cat(x) -> Furry(x))", "~Furry(tom)"], "Cat(tom)", "False"),
        (["forall x (Cat(x) -> Furry(x))", "Furry(tom)"], "Cat(tom)", "Uncertain"),
        ([], "p | ~p", "True"),
        ([], "p & ~p", "False"),
        ([], "exists x (x = x)", "True"),
        (["p xor q", "p"], "q", "False"),
        (["a = b", "P(f(a))"], "P(f(b))", "True"),
        (["P(a)", "P(b)"], "a = b", "Uncertain"),
        (["P(1)"], "1 = 2", "False"),
        (["Age(tom) = 3", "Age(rex) = 4"], "tom = rex", "False"),
        (["P(2)"], "P(2.0)", "True"),
        (["P(007)"], "P(7)", "Uncertain"),
        (["a = 1"], "a = 2", "False"),
        ([f"P({n})" for n in range(9)], "exists x ~P(x)", "Uncertain"),
        (["Loves(ann)"], "Loves(ann, ann)", "Uncertain"),
        (SUCCESSOR, "zero = zero", "True"),
        (["forall y forall y exists x A(y)"], "forall z A(z)", "True"),  # y twice
        (["exists y exists y forall x R(y, x)"], "exists z forall x R(z, x)", "True"),
        (["forall x exists x exists y R(x, y)"], "exists z R(z, z)", "Uncertain"),
    ],
)
def test_entailed_is_true_refuted_is_false_else_uncertain(
    premises: list[str], conclusion: str, answer: str
) -> None:
    assert ask(premises, conclusion).answer == answer


def test_contradicting_premises_entail_everything_with_a_warning() -> None:
    assert ask(["p", "~p"], "q") == Entailment("True", (INCONSISTENT,))


def test_a_warning_says_if_distinct_names_would_decide() -> None:
    entailment = ask(["P(a)", "P(b)"], "exists x exists y (x != y & P(x) & P(y))")
    assert entailment == Entailment("Uncertain", ("True if different names mean different things",))


def test_a_hard_problem_is_undecided_within_the_time_limit() -> None:
    *premises, conclusion = PROBLEMS[66]
    start = time.monotonic()
    entailment = entails([parse(premise) for premise in premises], parse(conclusion), seconds=1)
    assert entailment.answer in ("True", "Undecided")
    assert time.monotonic() - start < 3


def test_formulas_with_only_infinite_worlds_are_not_called_contradictory() -> None:
    assert consistent([parse(text) for text in SUCCESSOR], seconds=0.5) is not False


def test_formulas_true_in_the_same_worlds_are_equivalent() -> None:
    assert equivalent(parse("~exists x Cat(x)"), parse("forall x ~Cat(x)"))
    assert equivalent(parse("exists x Cat(x)"), parse("forall x Cat(x)")) is False


def test_no_problem_of_pelletier_gets_an_incorrect_answer() -> None:
    answers = {
        number: ask([*premises], conclusion) for number, (*premises, conclusion) in PROBLEMS.items()
    }
    assert {answer.answer for answer in answers.values()} <= {"True", "Undecided"}
    assert not [number for number, answer in answers.items() if answer.warnings == (INCONSISTENT,)]
    assert all(answers[number].answer == "True" for number in range(1, 37))
    assert sum(answer.answer == "True" for answer in answers.values()) >= 65  # 69 when idle


def test_all_premises_of_folio_are_parsed_and_their_consistency_decided(
    folio_path: str,
) -> None:
    rows = [json.loads(line) for line in Path(folio_path).read_text().splitlines()]
    stories = {tuple(row["premises-FOL"]): row["story_id"] for row in rows}
    problems = {story: read_problem(texts) for texts, story in stories.items()}
    assert {story for story, problem in problems.items() if problem.left_out} == {129, 153}  # empty
    seconds, contradictory = [], set()
    for story, problem in problems.items():
        start = time.process_time()
        answer = consistent(problem.premises)
        seconds.append(time.process_time() - start)
        assert answer is not None
        if not answer:
            contradictory.add(story)
    assert contradictory == {7, 214}
    assert sum(row["story_id"] in contradictory for row in rows) == 7
    assert statistics.median(seconds) < 0.010  # 0.003 when idle


@pytest.mark.parametrize(
    ("conclusions", "accuracy"),
    [(SAMPLE, 0.95), (NOISY, 0.95)],
    ids=["random sample", "formulas that need repair"],
)
def test_answers_agree_with_the_labels_of_folio(
    folio_path: str, conclusions: dict[int, str], accuracy: float
) -> None:
    answers = _answers(folio_path, conclusions)
    correct = [answer.answer == label for answer, label in answers.values()]
    assert all(answer.answer != "Undecided" for answer, _ in answers.values())
    assert sum(correct) >= accuracy * len(correct)


def test_a_label_that_assumes_distinct_names_is_given_in_a_warning(
    folio_path: str,
) -> None:
    for answer, label in _answers(folio_path, DIFFERENT_NAMES).values():
        assert answer.answer == "Uncertain"
        assert answer.warnings == (f"{label} if different names mean different things",)


def _answers(folio_path: str, conclusions: dict[int, str]) -> dict[int, tuple[Entailment, str]]:
    rows = {r["example_id"]: r for r in map(json.loads, Path(folio_path).read_text().splitlines())}
    answers = {}
    for example, conclusion in conclusions.items():
        problem = read_problem(rows[example]["premises-FOL"], conclusion)
        assert problem.conclusion is not None
        label = rows[example]["label"].replace("Unknown", "Uncertain")
        answers[example] = entails(problem.premises, problem.conclusion), label
    return answers
