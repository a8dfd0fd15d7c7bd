"""First-order logic in English: does a conclusion follow, does its negation, or neither?

A proof starts with a fact and applies 1-4 rules (out of distribution: up to 5, unseen wordings) to
reach the conclusion; every rule is necessary. If neither the conclusion nor its negation follows,
the same kinds of sentences occur, but one rule is reversed or two facts have swapped their people.
Negations are drawn so that word counts do not predict the answer. Distractors are irrelevant.

The reference is the formulas in the order of their sentences, in the form that
`pipeline.problems.reference.formulas` reads.

Not here: wordings (`sentences`), splits and verification with Z3 (`world`).
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
NEGATIVE_CHANCE = 0.4  # of an intermediate literal; 0.5 for the last one and the conclusion
BYSTANDER_CHANCE = 0.5  # of a fact about another person
DISTRACTOR_CHANCE = 0.4
RULES = {  # weights; the last three take a third literal
    sentences.plain: 40,
    sentences.through: 15,
    sentences.both: 15,
    sentences.either: 15,
    sentences.one_of_two: 15,
}


@dataclass
class Puzzle(Narration):
    """A problem made of statements; `people` and `adjectives` are those not used yet."""

    people: list[str] = field(default_factory=list)
    adjectives: list[str] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def literal(self, negative: float = NEGATIVE_CHANCE) -> Literal:
        """An unused adjective, negated with probability `negative`."""
        return Literal(self.adjectives.pop(), self.rng.random() >= negative)


def generate(rng: random.Random, ood: bool) -> Puzzle:
    """Draw a problem with its formulas and its intended answer."""
    people, adjectives = PEOPLE.split(), ADJECTIVES.split()
    rng.shuffle(people)
    rng.shuffle(adjectives)
    puzzle = Puzzle(rng, ood, people=people, adjectives=adjectives, answer=rng.choice(LABELS))
    weights = OOD_STEPS if ood else STEPS
    who, last = _add_proof(puzzle, rng.choices(list(weights), list(weights.values()))[0])
    if rng.random() < DISTRACTOR_CHANCE:
        new = puzzle.literal()
        rule = sentences.plain(rng.choice((last, puzzle.literal())), new)
        puzzle.statements.append(rng.choice((rule, sentences.someone(new))))
    rng.shuffle(puzzle.statements)
    flipped = puzzle.answer == "False" or (puzzle.answer == "Uncertain" and rng.random() < 0.5)
    for statement in (*puzzle.statements, sentences.conclusion(who, ~last if flipped else last)):
        puzzle.add_sentence(*statement.seen, unseen=statement.unseen)
        puzzle.reference.append(statement.formula)
    puzzle.reference[-1] = CONCLUSION + puzzle.reference[-1]
    return puzzle


def _add_proof(puzzle: Puzzle, steps: int) -> tuple[str, Literal]:
    """Add the statements of a proof, broken if the answer is Uncertain; return the person and the
    literal of its last step."""
    rng, who, last = puzzle.rng, puzzle.people.pop(), puzzle.literal()
    bystander = rng.random() < BYSTANDER_CHANCE
    broken = rng.randrange(steps + bystander) if puzzle.answer == "Uncertain" else None
    people = [who]
    if bystander:
        people.append(puzzle.people.pop())
    facts = zip(people[:: -1 if broken == steps else 1], (last, puzzle.literal()), strict=False)
    puzzle.statements += [sentences.fact(*fact) for fact in facts]
    for step in range(steps):
        then = puzzle.literal(0.5 if step + 1 == steps else NEGATIVE_CHANCE)
        who = _add_rule(puzzle, who, last, then, backwards=broken == step)
        last = then
    return who, last


def _add_rule(puzzle: Puzzle, who: str, first: Literal, then: Literal, backwards: bool) -> str:
    """Add a rule from `first` to `then`, or the reverse, with the facts that it needs; return the
    person that the rule's outcome is about."""
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
