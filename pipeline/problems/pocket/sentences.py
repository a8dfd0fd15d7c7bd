"""The statements of logic problems, each in English and as a formula."""

from __future__ import annotations

from dataclasses import dataclass

ADJECTIVES: str = (
    "kind tall calm brave quiet happy young smart proud rich shy strong funny busy polite quick "
    "loud clever honest tidy wise tired lucky lazy"
)
VERBS = ("likes", "knows", "helps")


@dataclass(frozen=True, slots=True)
class Literal:
    """An adjective, or its negation."""

    adjective: str
    positive: bool

    def __str__(self) -> str:
        return self.adjective if self.positive else f"not {self.adjective}"

    def __invert__(self) -> Literal:
        return Literal(self.adjective, not self.positive)

    def of(self, term: str) -> str:
        """The literal as a formula about `term`."""
        return f"{'' if self.positive else '~'}{self.adjective}({term})"


@dataclass(frozen=True, slots=True)
class Statement:
    """Wordings and formula; `unseen` is the wording for out-of-distribution problems only."""

    seen: tuple[str, ...]
    unseen: str
    formula: str


def fact(who: str, literal: Literal) -> Statement:
    seen = (f"{who} is {literal}.",)
    return Statement(seen, f"We know that {who} is {literal}.", literal.of(who))


def conclusion(who: str, literal: Literal) -> Statement:
    """The conclusion as a question."""
    seen = (
        f"Is it True, False or Uncertain that {who} is {literal}?",
        f"{who} is {literal}: True, False or Uncertain?",
    )
    unseen = f"Is {who} {literal}? Say True, False or Uncertain."
    return Statement(seen, unseen, literal.of(who))


def someone(literal: Literal) -> Statement:
    seen = (f"Someone is {literal}.",)
    return Statement(seen, f"There is someone {literal}.", f"exists x {literal.of('x')}")


def plain(first: Literal, then: Literal) -> Statement:
    seen = (
        f"Everyone who is {first} is {then}.",
        f"If someone is {first}, they are {then}.",
        f"All people who are {first} are {then}.",
    )
    return _rule(seen, f"Whoever is {first} is {then}.", first.of("x"), then.of("x"))


def both(first: Literal, then: Literal, also: Literal) -> Statement:
    return _two_conditions(first, "and", "&", also, then)


def either(first: Literal, then: Literal, other: Literal) -> Statement:
    return _two_conditions(first, "or", "|", other, then)


def one_of_two(first: Literal, then: Literal, other: Literal) -> Statement:
    seen = (
        f"Everyone who is {first} is {then} or {other}.",
        f"All people who are {first} are {then} or {other}.",
    )
    outcome = f"{then.of('x')} | {other.of('x')}"
    return _rule(seen, f"Whoever is {first} is {then} or {other}.", first.of("x"), outcome)


def through(first: Literal, then: Literal, verb: str) -> Statement:
    """A rule whose condition is about a person related by `verb`."""
    seen = (
        f"Everyone who {verb} someone {first} is {then}.",
        f"If someone {verb} a person who is {first}, they are {then}.",
    )
    condition = f"exists y ({verb}(x, y) & {first.of('y')})"
    return _rule(seen, f"Whoever {verb} someone {first} is {then}.", condition, then.of("x"))


def relation(who: str, verb: str, whom: str) -> Statement:
    formula = f"{verb}({who}, {whom})"
    return Statement((f"{who} {verb} {whom}.",), f"We know that {who} {verb} {whom}.", formula)


def _two_conditions(
    first: Literal, word: str, sign: str, second: Literal, then: Literal
) -> Statement:
    seen = (
        f"Everyone who is {first} {word} {second} is {then}.",
        f"If someone is {first} {word} {second}, they are {then}.",
    )
    condition = f"{first.of('x')} {sign} {second.of('x')}"
    return _rule(seen, f"Whoever is {first} {word} {second} is {then}.", condition, then.of("x"))


def _rule(seen: tuple[str, ...], unseen: str, condition: str, outcome: str) -> Statement:
    return Statement(seen, unseen, f"forall x ({condition} -> {outcome})")
