"""First-order logic in English: does a conclusion follow, does its negation, or neither?

A proof goes from a fact through 1-4 rules (out of distribution: up to 5, unseen wordings), each of
which is needed, to the conclusion. Where neither follows, the same sentences stand there, but one
rule goes the other way, or two facts have changed their people. Negations are drawn so that words
that are counted tell nothing. Distractors say what does not matter.

A reference holds the formulas in the order of their sentences, as
`pipeline.problems.reference.formulas` reads them.

Not here: how a statement is said (`sentences`), which problem belongs to which split, and that Z3
finds the same answer (`world`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from pipeline.problems.pocket import sentences
from pipeline.problems.pocket.narration import PEOPLE, Narration
from pipeline.problems.pocket.sentences import ADJECTIVES, VERBS, Literal, Statement
from pipeline.problems.reference.formulas import CONCLUSION

LABELS = ("True", "False", "Uncertain")
STEPS = {1: 25, 2: 35, 3: 25, 4: 15}  # rules that the proof needs: weight
OOD_STEPS = {2: 25, 3: 25, 4: 25, 5: 25}
NEGATIVE_CHANCE = 0.4  # of a literal on the way; of the last one and of the conclusion a half
BYSTANDER_CHANCE = 0.5  # that a fact about somebody else is told
DISTRACTOR_CHANCE = 0.4
RULES = {  # weights; the last three have one more literal
    sentences.plain: 40,
    sentences.through: 15,
    sentences.both: 15,
    sentences.either: 15,
    sentences.one_of_two: 15,
}


@dataclass
class Puzzle(Narration):
    """A problem of statements; `people` and `adjectives` hold what none of them has yet."""

    people: list[str] = field(default_factory=list)
    adjectives: list[str] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def literal(self, negative: float = NEGATIVE_CHANCE) -> Literal:
        """A new adjective, or with the chance `negative` its negation."""
        return Literal(self.adjectives.pop(), self.rng.random() >= negative)


def tell(rng: random.Random, ood: bool) -> Puzzle:
    """A problem with its formulas and the answer that it is made for."""
    people, adjectives = PEOPLE.split(), ADJECTIVES.split()
    rng.shuffle(people)
    rng.shuffle(adjectives)
    puzzle = Puzzle(rng, ood, people=people, adjectives=adjectives, answer=rng.choice(LABELS))
    weights = OOD_STEPS if ood else STEPS
    who, last = _prove(puzzle, rng.choices(list(weights), list(weights.values()))[0])
    if rng.random() < DISTRACTOR_CHANCE:
        new = puzzle.literal()
        rule = sentences.plain(rng.choice((last, puzzle.literal())), new)
        puzzle.statements.append(rng.choice((rule, sentences.someone(new))))
    rng.shuffle(puzzle.statements)
    flipped = puzzle.answer == "False" or (puzzle.answer == "Uncertain" and rng.random() < 0.5)
    for statement in (*puzzle.statements, sentences.asked(who, ~last if flipped else last)):
        puzzle.say(*statement.seen, unseen=statement.unseen)
        puzzle.reference.append(statement.formula)
    puzzle.reference[-1] = CONCLUSION + puzzle.reference[-1]
    return puzzle


def _prove(puzzle: Puzzle, steps: int) -> tuple[str, Literal]:
    """Add the statements of a proof, or of one that is broken where the answer is Uncertain;
    return whom and what it is about in the end."""
    rng, who, last = puzzle.rng, puzzle.people.pop(), puzzle.literal()
    bystander = rng.random() < BYSTANDER_CHANCE
    broken = rng.randrange(steps + bystander) if puzzle.answer == "Uncertain" else None
    people = [who]
    if bystander:
        people.append(puzzle.people.pop())
    told = zip(people[:: -1 if broken == steps else 1], (last, puzzle.literal()), strict=False)
    puzzle.statements += [sentences.fact(*pair) for pair in told]
    for step in range(steps):
        then = puzzle.literal(0.5 if step + 1 == steps else NEGATIVE_CHANCE)
        who = _lead(puzzle, who, last, then, backwards=broken == step)
        last = then
    return who, last


def _lead(puzzle: Puzzle, who: str, first: Literal, then: Literal, backwards: bool) -> str:
    """Add a rule from `first` to `then`, or backwards, with the facts that it needs; return whom
    its outcome is about."""
    rng = puzzle.rng
    pair = (then, first) if backwards else (first, then)
    kind = rng.choices(list(RULES), list(RULES.values()))[0]
    if kind is sentences.plain:
        puzzle.statements.append(sentences.plain(*pair))
    elif kind is sentences.through:
        verb, whom, who = rng.choice(VERBS), who, puzzle.people.pop()
        puzzle.statements += [sentences.through(*pair, verb), sentences.relation(who, verb, whom)]
    else:
        other = puzzle.literal()
        puzzle.statements.append(kind(*pair, other))
        needed = {sentences.both: [other], sentences.one_of_two: [~other]}.get(kind, [])
        puzzle.statements += [sentences.fact(who, literal) for literal in needed]
    return who
