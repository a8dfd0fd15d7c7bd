import pytest

from toolsets.languages.formula.names import is_typo, repair_conclusion, unify
from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import render


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ZionstLeader", "ZionistLeader"),
        ("IsChestPlayer", "IsChessPlayer"),
        ("SpectaorsBetOn", "SpectatorsBetOn"),
        ("Recieved", "Received"),
        ("Rabbit", "Rabbits"),
    ],
)
def test_one_wrong_letter_is_a_typo(one: str, other: str) -> None:
    assert is_typo(one, other)
    assert is_typo(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Typical", "Atypical"),
        ("LocatedIn", "LocatedOn"),
        ("gpt_2", "gpt_3"),
        ("lexus2017", "lexus2018"),
        ("mr_smith", "mrs_smith"),
        ("daniel", "danielle"),
        ("westcoast", "eastcoast"),
        ("cat", "car"),
    ],
)
def test_similar_names_of_different_things_are_not_typos(one: str, other: str) -> None:
    assert not is_typo(one, other)


def test_capitals_accents_and_underscores_are_unified_to_the_first_spelling() -> None:
    texts = ["Team(beyoncé)", "∀x (team(x) → Won(x))", "Won(Beyonce)", "Won(be_yonce)"]
    formulas, warnings = unify([parse(text) for text in texts])
    assert [render(formula) for formula in formulas] == [
        "Team(beyoncé)",
        "∀x (Team(x) → Won(x))",
        "Won(beyoncé)",
        "Won(beyoncé)",
    ]
    assert warnings == [
        "team read as Team",
        "Beyonce read as beyoncé",
        "be_yonce read as beyoncé",
    ]


def test_predicates_constants_and_numbers_are_not_merged() -> None:
    formulas = [parse(text) for text in ("German(german)", "german(a, b)", "Is(1.0)", "Is(10)")]
    assert unify(formulas) == (formulas, [])


def test_a_typo_in_the_conclusion_is_replaced_by_the_only_similar_name() -> None:
    premises = [parse("ChessPlayer(hoffmann)"), parse("∀x (ChessPlayer(x) → Clever(x))")]
    repaired, warnings = repair_conclusion(premises, parse("ChestPlayer(hofmann)"))
    assert render(repaired) == "ChessPlayer(hoffmann)"
    assert warnings == ["ChestPlayer read as ChessPlayer", "hofmann read as hoffmann"]


def test_a_name_that_a_premise_uses_is_not_a_typo() -> None:
    premises = [parse("ChessPlayer(a)"), parse("ChestPlayer(b)")]
    assert repair_conclusion(premises, parse("ChestPlayer(a)")) == (parse("ChestPlayer(a)"), [])
