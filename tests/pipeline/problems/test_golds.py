from __future__ import annotations

from pipeline.problems.golds import text_golds
from pipeline.records import Problem


def _problems(*answers: str) -> list[Problem]:
    return [Problem(f"p{i}", "t", "q", answer, "train") for i, answer in enumerate(answers)]


def test_golds_that_are_neither_number_label_nor_expression_are_counted_and_three_shown() -> None:
    others = [f"the {n}. house of a long road" for n in ("first", "second", "third", "fourth")]
    made = text_golds(_problems("12", "5 km", "True", "(B)", "x^2", "{1, 2}", *others))
    assert made["golds_as_text"] == 4
    assert made["golds_as_text_examples"] == [repr(text) for text in others[:3]]


def test_a_few_texts_that_repeat_are_labels() -> None:
    labels = ["entailment", "neutral", "contradiction"]
    assert text_golds(_problems(*labels * 5))["golds_as_text"] == 0
    assert text_golds(_problems(*labels))["golds_as_text"] == 3


def test_a_long_gold_is_shown_shortened() -> None:
    (shown,) = text_golds(_problems("word " * 100))["golds_as_text_examples"]
    assert len(shown) < 70
    assert shown.endswith("...'")
