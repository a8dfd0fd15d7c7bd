from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
import torch

from pipeline.problems.pocket import sentences
from pipeline.problems.pocket.logic import LABELS, OOD_STEPS, STEPS, generate
from pipeline.problems.pocket.sentences import Literal
from pipeline.problems.reference.formulas import CONCLUSION, entailed, premises_of
from pipeline.records import Problem
from tests.pipeline.problems.pocket.conftest import COUNT, SPLITS
from toolsets.languages.formula import lenient
from toolsets.shipped.logic import solver

KIND, CALM, TALL = Literal("kind", True), Literal("calm", False), Literal("tall", True)


def _without(problem: Problem, index: int) -> solver.Answer | None:
    """The answer after removing one premise."""
    rest = problem.reference[:index] + problem.reference[index + 1 :]
    return entailed(replace(problem, reference=rest))


@cache
def _necessary(problem: Problem) -> list[str]:
    """The premises whose removal changes the answer."""
    premises = premises_of(problem)
    return [p for i, p in enumerate(premises) if _without(problem, i) != problem.answer]


@pytest.mark.parametrize("split", SPLITS)
def test_every_label_is_what_z3_proves(split: str, logic: dict[str, list[Problem]]) -> None:
    for problem in logic[split]:
        assert entailed(problem) == problem.answer, problem


@pytest.mark.parametrize("split", SPLITS)
def test_labels_are_balanced(split: str, logic: dict[str, list[Problem]]) -> None:
    counts = Counter(problem.answer for problem in logic[split])
    assert set(counts) == set(LABELS)
    assert min(counts.values()) > 0.25 * COUNT


@pytest.mark.parametrize(("split", "steps"), [("test", STEPS), ("ood", OOD_STEPS)])
def test_a_proof_needs_as_many_rules_as_its_split_allows(
    split: str, steps: dict[int, int], logic: dict[str, list[Problem]]
) -> None:
    decided = [problem for problem in logic[split] if problem.answer != "Uncertain"]
    depths = Counter(sum("forall" in text for text in _necessary(problem)) for problem in decided)
    assert set(depths) == set(steps)
    for depth, weight in steps.items():
        assert depths[depth] / len(decided) == pytest.approx(weight / 100, abs=0.12)
    assert max(STEPS) == 4
    assert max(OOD_STEPS) == 5


def test_formulas_are_in_the_order_of_their_sentences(logic: dict[str, list[Problem]]) -> None:
    for problem in logic["test"]:
        lines = re.findall(r"[^.?]+[.?]", problem.question)
        assert len(lines) == len(problem.reference)
        for sentence, formula in zip(lines, problem.reference, strict=True):
            names = re.findall(r"\b(?!forall|exists)[A-Za-z]{2,}\b", formula)
            for name in names:
                assert re.search(rf"\b{name}\b", sentence), (sentence, formula)


@pytest.mark.parametrize(
    "mark", [" & ", " | ", "~", "exists y", "exists x", "forall x", "likes(", CONCLUSION + "~"]
)
def test_every_kind_of_statement_occurs(mark: str, logic: dict[str, list[Problem]]) -> None:
    for split in SPLITS:
        assert sum(any(mark in text for text in problem.reference) for problem in logic[split]) > 10


def test_some_premises_are_distractors(logic: dict[str, list[Problem]]) -> None:
    decided = [problem for problem in logic["test"] if problem.answer != "Uncertain"]
    with_distractor = sum(
        len(_necessary(problem)) < len(premises_of(problem)) for problem in decided
    )
    assert 0.4 < with_distractor / len(decided) < 0.95


def test_some_wordings_occur_out_of_distribution_only(logic: dict[str, list[Problem]]) -> None:
    unseen = ("Whoever", "We know that", "There is someone", "Say True, False or Uncertain.")
    for split in ("pretrain", "train", "test"):
        assert not any(words in problem.question for problem in logic[split] for words in unseen)
    for words in unseen:
        assert any(words in problem.question for problem in logic["ood"])


@pytest.mark.parametrize("count", [1500, pytest.param(6000, marks=pytest.mark.slow)])
def test_word_counts_do_not_predict_the_answer(count: int) -> None:
    """Logistic regression on counts of words and punctuation; chance is one third."""
    rng = random.Random(0)
    puzzles = [generate(rng, ood=False) for _ in range(count)]
    words = [Counter(re.findall(r"\w+|[.,:?]", puzzle.question)) for puzzle in puzzles]
    columns = {word: i for i, word in enumerate(sorted(set().union(*words)))}
    counts_BV = torch.zeros(count, len(columns))
    for row, counts in enumerate(words):
        for word, count in counts.items():
            counts_BV[row, columns[word]] = count
    labels_B = torch.tensor([LABELS.index(puzzle.answer) for puzzle in puzzles])
    train = count // 2
    model = torch.nn.Linear(len(columns), len(LABELS))
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=100)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        penalty = 1e-3 * sum(weights.square().sum() for weights in model.parameters())
        entropy = torch.nn.functional.cross_entropy(model(counts_BV[:train]), labels_B[:train])
        total = entropy + penalty
        total.backward()
        return total

    optimizer.step(loss)  # type: ignore[arg-type]  # the stubs say float, LBFGS needs a tensor
    accuracy = (model(counts_BV[train:]).argmax(-1) == labels_B[train:]).float().mean().item()
    assert accuracy <= 1 / 3 + 0.05


@pytest.mark.parametrize(
    ("statement", "sentence", "formula"),
    [
        (sentences.fact("Ava", CALM), "Ava is not calm.", "~calm(Ava)"),
        (sentences.relation("Ava", "likes", "Ben"), "Ava likes Ben.", "likes(Ava, Ben)"),
        (sentences.someone(CALM), "Someone is not calm.", "exists x ~calm(x)"),
        (
            sentences.plain(KIND, CALM),
            "Everyone who is kind is not calm.",
            "forall x (kind(x) -> ~calm(x))",
        ),
        (
            sentences.both(KIND, CALM, TALL),
            "Everyone who is kind and tall is not calm.",
            "forall x (kind(x) & tall(x) -> ~calm(x))",
        ),
        (
            sentences.either(KIND, CALM, TALL),
            "Everyone who is kind or tall is not calm.",
            "forall x (kind(x) | tall(x) -> ~calm(x))",
        ),
        (
            sentences.one_of_two(KIND, CALM, TALL),
            "Everyone who is kind is not calm or tall.",
            "forall x (kind(x) -> ~calm(x) | tall(x))",
        ),
        (
            sentences.through(KIND, CALM, "likes"),
            "Everyone who likes someone kind is not calm.",
            "forall x (exists y (likes(x, y) & kind(y)) -> ~calm(x))",
        ),
        (
            sentences.conclusion("Ava", KIND),
            "Is it True, False or Uncertain that Ava is kind?",
            "kind(Ava)",
        ),
    ],
)
def test_a_sentence_and_its_formula_agree(
    statement: sentences.Statement, sentence: str, formula: str
) -> None:
    assert (statement.seen[0], statement.formula) == (sentence, formula)
    assert not lenient.parse_leniently(formula).warnings
