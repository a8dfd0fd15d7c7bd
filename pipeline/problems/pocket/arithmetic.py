"""Arithmetic word problems of 1-4 steps (out of distribution: up to 5 steps, unseen wordings).

A story starts with a quantity; each event changes it and needs one or two function calls.
Distractors mention irrelevant numbers. The reference of a problem is its calls.

Not here: splits (`world`), conversion of calls to a chain (`pipeline.problems.reference.chain`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.problems.pocket.narration import PEOPLE, Narration, Unfit

STEPS = {1: 10, 2: 25, 3: 35, 4: 30}  # calls before the answer: weight
OOD_STEPS = {2: 25, 3: 35, 4: 30, 5: 10}
DISTRACTOR_CHANCE = 0.15  # per problem, approximately
TWO_CALLS_CHANCE = 0.2  # that an event needs two calls
LARGEST = 999  # of the quantity after each event

THINGS = "apples pears books coins cards shells stamps pens marbles stickers cookies beads"


@dataclass
class Story(Narration):
    """A problem about one quantity; its reference is the calls that compute the quantity."""

    name: str = ""
    things: str = ""
    value: int = 0  # the current quantity

    def call(self, name: str, result: int, **arguments: int) -> int:
        """Append a call to the reference; return `result`, which must be its result."""
        self.reference.append(f"{name}({', '.join(f'{k}={v}' for k, v in arguments.items())})")
        return result

    def add_sentence(self, *seen: str, unseen: str = "", **words: object) -> None:
        super().add_sentence(*seen, unseen=unseen, name=self.name, things=self.things, **words)


def generate(rng: random.Random, ood: bool) -> Story:
    """Draw a story with its calls and answer; raises Unfit if the drawn numbers do not fit."""
    weights = OOD_STEPS if ood else STEPS
    steps = rng.choices(list(weights), list(weights.values()))[0]
    story = Story(rng, ood, name=rng.choice(PEOPLE.split()), things=rng.choice(THINGS.split()))
    _start(story, steps)
    while len(story.reference) < steps:
        if rng.random() < DISTRACTOR_CHANCE / steps:
            _distract(story)
        _event(story, steps - len(story.reference))
    story.add_sentence(
        "How many {things} does {name} have now?",
        "How many {things} are there in the end?",
        "What is the number of {things} now?",
        unseen="In the end, how many {things} does {name} have?",
    )
    story.answer = str(story.value)
    return story


def _start(story: Story, steps: int) -> None:
    rng = story.rng
    if steps > 1 and rng.random() < 0.35:
        boxes, each = rng.randint(2, 12), rng.randint(2, 20)
        story.add_sentence(
            "{name} packs {boxes} boxes of {each} {things}.",
            "{name} has {boxes} bags with {each} {things} in each.",
            boxes=boxes,
            each=each,
        )
        story.value = story.call("multiply", boxes * each, a=boxes, b=each)
        return
    story.value = rng.randint(5, 200)
    story.add_sentence(
        "{name} has {n} {things}.",
        "There are {n} {things} on the table of {name}.",
        unseen="At first {name} has {n} {things}.",
        n=story.value,
    )


def _distract(story: Story) -> None:
    number = story.rng.randint(2, 99)
    other = story.rng.choice([t for t in THINGS.split() if t != story.things])
    story.add_sentence(
        "{name} is {n} years old.",
        "{name} also has {n} {other}.",
        "It takes {n} minutes.",
        n=number,
        other=other,
    )


def _event(story: Story, calls_left: int) -> None:
    one_call = (_gain, _lose, _grow, _share_out, _take_part)
    two_calls = (_gain_groups, _lose_groups, _lose_percent, _gain_percent)
    double = calls_left > 1 and story.rng.random() < TWO_CALLS_CHANCE
    story.rng.choice(two_calls if double else one_call)(story)
    if not 1 <= story.value <= LARGEST:
        raise Unfit


def _gain(story: Story) -> None:
    n = story.rng.randint(2, 99)
    story.add_sentence(
        "{name} buys {n} more.",
        "{name} finds {n} {things}.",
        "A friend gives {name} {n} {things}.",
        unseen="{name} gets {n} more {things} from a friend.",
        n=n,
    )
    story.value = story.call("add", story.value + n, a=story.value, b=n)


def _lose(story: Story) -> None:
    if story.value < 4:
        raise Unfit
    n = story.rng.randint(2, story.value - 1)
    story.add_sentence(
        "{name} loses {n} of them.",
        "{name} sells {n} {things}.",
        "{name} gives {n} to a friend.",
        unseen="{n} {things} are sold.",
        n=n,
    )
    story.value = story.call("subtract", story.value - n, a=story.value, b=n)


def _grow(story: Story) -> None:
    n = story.rng.randint(2, 5)
    story.add_sentence(
        "Soon there are {word} as many.",
        "Then the number becomes {word} as large.",
        unseen="Now there are {word} as many {things}.",
        word={2: "twice", 3: "three times"}.get(n, f"{n} times"),
    )
    story.value = story.call("multiply", story.value * n, a=story.value, b=n)


def _share_out(story: Story) -> None:
    divisors = [n for n in range(2, 21) if story.value % n == 0 and story.value > n]
    if not divisors:
        raise Unfit
    n = story.rng.choice(divisors)
    if n == 2 and story.rng.random() < 0.7:
        story.add_sentence("Half of them are broken and thrown away.", "{name} keeps only half.")
    else:
        story.add_sentence(
            "{name} shares them equally among {n} people and looks at one share.",
            "They are put into {n} equal piles and {name} keeps one pile.",
            unseen="{name} keeps one of {n} equal piles.",
            n=n,
        )
    story.value = story.call("divide", story.value // n, a=story.value, b=n)


def _percent(story: Story) -> tuple[int, int]:
    fitting = [p for p in range(5, 100, 5) if story.value * p % 100 == 0]
    if not fitting:
        raise Unfit
    percent = story.rng.choice(fitting)
    return percent, story.value * percent // 100


def _take_part(story: Story) -> None:
    percent, part = _percent(story)
    story.add_sentence(
        "{name} keeps only {p}% of them.",
        "Just {p}% of the {things} are good and kept.",
        unseen="Only {p}% of them are good.",
        p=percent,
    )
    story.value = story.call("percent_of", part, percent=percent, value=story.value)


def _lose_percent(story: Story) -> None:
    percent, part = _percent(story)
    story.add_sentence(
        "{name} sells {p}% of them.",
        "{p}% of the {things} get lost.",
        unseen="{p}% of them are thrown away.",
        p=percent,
    )
    story.call("percent_of", part, percent=percent, value=story.value)
    story.value = story.call("subtract", story.value - part, a=story.value, b=part)


def _gain_percent(story: Story) -> None:
    percent, part = _percent(story)
    story.add_sentence(
        "The number goes up by {p}%.",
        "{name} gets {p}% more {things}.",
        unseen="Then {name} has {p}% more.",
        p=percent,
    )
    story.call("percent_of", part, percent=percent, value=story.value)
    story.value = story.call("add", story.value + part, a=story.value, b=part)


def _gain_groups(story: Story) -> None:
    groups, each = story.rng.randint(2, 9), story.rng.randint(2, 15)
    story.add_sentence(
        "{g} friends bring {e} {things} each.",
        "{name} buys {g} bags with {e} {things} each.",
        unseen="Each of {g} friends gives {name} {e} {things}.",
        g=groups,
        e=each,
    )
    more = story.call("multiply", groups * each, a=groups, b=each)
    story.value = story.call("add", story.value + more, a=story.value, b=more)


def _lose_groups(story: Story) -> None:
    groups, each = story.rng.randint(2, 9), story.rng.randint(2, 15)
    less = groups * each
    if less >= story.value:
        raise Unfit
    story.add_sentence(
        "{name} gives {e} {things} to each of {g} friends.",
        "{name} sells {g} bags of {e} {things}.",
        unseen="{g} people get {e} of the {things} each.",
        g=groups,
        e=each,
    )
    story.call("multiply", less, a=groups, b=each)
    story.value = story.call("subtract", story.value - less, a=story.value, b=less)
