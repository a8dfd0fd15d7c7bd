"""What making the chains of one model will take, from what an earlier run measured. Pure.

Totals are tasks times means per chain. Engine hours are those in which engines were at work: their
start is not in them.

Not here: reading what was measured (`pipeline.run.estimate_sample`), printing it
(`pipeline.run.dry_run`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.agent.driver import SECONDS
from pipeline.generation.tasks import bounds
from pipeline.recipe.models import Samples

Z95 = 1.96  # standard errors on either side, of a 95% interval


@dataclass(frozen=True, slots=True)
class Measured:
    """What the chains of one model took in an earlier run.

    `written` are the tokens that each chain wrote, by problem; none is missing where the stage has
    `finished`. `usage` has counts of the chains that were made while it was kept (run.json), and
    how many these are; zeros where an older version made them all.
    """

    written: Mapping[str, Sequence[int]]
    usage: Mapping[str, float]
    finished: bool

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return sum(map(len, self.written.values()))

    def each(self, count: str) -> float | None:
        """A count of `usage` per chain; None where it was not kept."""
        chains = self.usage["chains"]
        return self.usage[count] / chains if chains else None


@dataclass(frozen=True, slots=True)
class Tasks:
    """How many chains a model makes: `least` to `most`, `expected` where that is known or was
    measured; `there` are made already."""

    least: int
    most: int
    expected: int | None
    there: int

    @property
    def count(self) -> int:
        """How many are reckoned with: `expected`, else `most`."""
        return self.most if self.expected is None else self.expected

    @property
    def left(self) -> int:
        """How many of these are to be made."""
        return max(0, self.count - self.there)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What `tasks.count` chains take, and those that are left; None where it was not measured.

    Tokens `read` (of which the prefix cache has `cached`) and `written`, the latter with a 95%
    interval; engine hours; and what these cost. `measured` chains tell it.
    """

    tasks: Tasks
    measured: int = 0
    read: int | None = None
    cached: int | None = None
    written: int | None = None
    written_ci95: tuple[int, int] | None = None
    engine_hours: float | None = None
    engine_hours_left: float | None = None
    cost: float | None = None
    cost_left: float | None = None


def tasks_of(samples: Samples, problems: int, there: int, alike: Measured | None) -> Tasks:
    """The tasks of so many problems. Where their number depends on what chains come to, `alike`, a
    finished run with the same `samples`, tells how many a problem gets."""
    least, most = bounds(samples, problems)
    least = max(least, there)
    expected = most if least == most else None
    if expected is None and alike is not None and alike.finished:
        each = alike.chains / len(alike.written)
        expected = min(most, max(least, round(problems * each)))
    return Tasks(least, most, expected, there)


def estimate(tasks: Tasks, found: Measured, price: float | None, own: bool = False) -> Estimate:
    """What `tasks` take, at `price` for an engine's hour; `own` says that what was measured are the
    chains that are there."""
    seconds = found.each(SECONDS)
    hours = None if seconds is None else seconds / 3600
    written = tasks.count * sum(map(sum, found.written.values())) / found.chains
    varying = tasks.least < tasks.most
    error = relative_error(found.written, varying)
    half = None if error is None else error * written * (tasks.left / tasks.count if own else 1)
    return Estimate(
        tasks,
        found.chains,
        read=_rounded(_times(tasks.count, found.each("prompt"))),
        cached=_rounded(_times(tasks.count, found.each("cached"))),
        written=round(written),
        written_ci95=None if half is None else (round(written - half), round(written + half)),
        engine_hours=_times(tasks.count, hours),
        engine_hours_left=_times(tasks.left, hours),
        cost=_times(tasks.count, hours, price),
        cost_left=_times(tasks.left, hours, price),
    )


def relative_error(written: Mapping[str, Sequence[int]], varying: bool) -> float | None:
    """Half the 95% interval of a total of tokens, as a share of it; None for a single problem.

    Problems are what was drawn, as chains of one problem are alike. Of tokens per chain it is the
    ratio estimator's (Cochran, Sampling Techniques, 1977, section 6.4); where the number of chains
    of a problem is `varying` with what they come to, that of tokens per problem.
    """
    totals = [sum(chains) for chains in written.values()]
    sizes = [1 if varying else len(chains) for chains in written.values()]
    n, total = len(totals), sum(totals)
    if n < 2 or not total:
        return None
    mean = total / sum(sizes)
    squares = sum((y - mean * x) ** 2 for y, x in zip(totals, sizes, strict=True))
    return Z95 * math.sqrt(n / (n - 1) * squares) / total


def in_words(told: Estimate) -> str:
    """An estimate as one line: `8,000 chains: 61.2M tokens read (88% cached), …`."""
    tasks, parts = told.tasks, []
    if told.read is not None and told.cached is not None:
        parts.append(
            f"{_short(told.read)} tokens read ({told.cached / max(1, told.read):.0%} cached)"
        )
    if told.written is not None:
        low, high = told.written_ci95 or (told.written, told.written)
        between = f" ({_short(low)}-{_short(high)})" if low < high else ""
        parts.append(f"{_short(told.written)} written{between}")
    parts += _spent(told.engine_hours, told.cost)
    if told.engine_hours is None:
        parts.append("tokens read and engine hours were not measured")
    most = "at most " if tasks.expected is None else ""
    line = f"{_chains(tasks)}: {most}{', '.join(parts)}"
    if tasks.there:
        spent = ", ".join(_spent(told.engine_hours_left, told.cost_left))
        line += f"; {tasks.left:,} left" + (f": {most}{spent}" if spent and tasks.left else "")
    return line


def _chains(tasks: Tasks) -> str:
    if tasks.least == tasks.most:
        return f"{tasks.most:,} chains"
    between = f"{tasks.least:,}-{tasks.most:,}"
    return (
        f"{between} chains"
        if tasks.expected is None
        else f"about {tasks.expected:,} chains ({between})"
    )


def _spent(hours: float | None, cost: float | None) -> list[str]:
    if hours is None:
        return []
    told = f"{hours:,.1f}" if hours >= 1 else f"{hours:.2g}"
    return [f"{told} engine hours", *([] if cost is None else [f"cost {cost:,.2f}"])]


def _short(count: int) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def _times(count: int, *factors: float | None) -> float | None:
    product: float = count
    for factor in factors:
        if factor is None:
            return None
        product *= factor
    return product


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
