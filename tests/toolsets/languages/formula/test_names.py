import pytest

from toolsets.languages.formula.names import mend_conclusion, one_slip, unify
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
def test_one_wrong_letter_is_a_slip(one: str, other: str) -> None:
    assert one_slip(one, other)
    assert one_slip(other, one)


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
def test_names_that_may_mean_two_things_are_no_slip(one: str, other: str) -> None:
    assert not one_slip(one, other)


def test_spellings_that_differ_in_capitals_accents_or_underscores_become_the_first() -> None:
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


def test_predicates_constants_and_numbers_are_kept_apart() -> None:
    formulas = [parse(text) for text in ("German(german)", "german(a, b)", "Is(1.0)", "Is(10)")]
    assert unify(formulas) == (formulas, [])


def test_a_slip_in_the_conclusion_is_mended_where_the_premises_have_one_such_name() -> None:
    premises = [parse("ChessPlayer(hoffmann)"), parse("∀x (ChessPlayer(x) → Clever(x))")]
    mended, warnings = mend_conclusion(premises, parse("ChestPlayer(hofmann)"))
    assert render(mended) == "ChessPlayer(hoffmann)"
    assert warnings == ["ChestPlayer read as ChessPlayer", "hofmann read as hoffmann"]


def test_a_name_of_the_conclusion_that_a_premise_has_is_no_slip() -> None:
    premises = [parse("ChessPlayer(a)"), parse("ChestPlayer(b)")]
    assert mend_conclusion(premises, parse("ChestPlayer(a)")) == (parse("ChestPlayer(a)"), [])
