from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from pipeline.pocket.models import folder
from pipeline.pocket.tokenizer import CONTEXT
from pipeline.problems.pocket.sentences import ADJECTIVES
from pipeline.problems.pocket.world import PRETRAIN, problems

WORDS = "Everyone who is not kind and x forall (~ )) ' True, False 12 a=3 é ! \n"
TEACHER = AutoTokenizer.from_pretrained(folder("teacher"))


@given(st.one_of(st.text(), st.lists(st.sampled_from([*WORDS.split(" "), " "])).map(" ".join)))
def test_encoding_and_decoding_preserves_any_text(text: str) -> None:
    assert TEACHER.decode(TEACHER(text).input_ids) == text


def test_both_models_share_one_tokenizer() -> None:
    files = [(folder(name) / "tokenizer.json").read_bytes() for name in ("teacher", "student")]
    assert files[0] == files[1]
    assert TEACHER.model_max_length == CONTEXT


def test_each_digit_is_one_token() -> None:
    pieces = TEACHER.tokenize("add(a=128, b=7.5)")
    assert [piece for piece in pieces if piece.isdigit()] == list("12875")


def test_a_formula_repeats_the_tokens_of_its_sentence() -> None:
    words = {TEACHER.convert_tokens_to_ids(word) for word in ADJECTIVES.split()}
    assert len(words) == len(ADJECTIVES.split())
    for problem in problems(100, 1, PRETRAIN):
        if problem.task == "logic":
            in_question = [t for t in TEACHER(problem.question).input_ids if t in words]
            quoted = [f'"{formula}"' for formula in problem.reference]
            in_formulas = [t for text in quoted for t in TEACHER(text).input_ids if t in words]
            assert in_question == in_formulas


@pytest.mark.parametrize("piece", ["!", " ", "x", "(x", "a ", "is not "])
def test_a_very_long_text_is_tokenized_in_linear_time(piece: str) -> None:
    """Quadratic time would exceed the timeout of five minutes per test."""
    assert len(TEACHER(piece * 300_000).input_ids) > 1000
