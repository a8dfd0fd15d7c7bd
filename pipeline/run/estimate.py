"""Estimates tokens, engine hours and cost of one model's chains from an earlier run. Pure.

Totals are the number of tasks times the mean per chain. Engine hours exclude the start of engines.

Not here: reading the measurements (`pipeline.run.estimate_sample`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.agent.driver import SECONDS
from pipeline.generation.tasks import bounds
from pipeline.recipe.models import Samples

Z95 = 1.96  # half-width of a 95% interval, in standard errors


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of one model's chains in an earlier run.

    `written` holds the generated tokens of each chain by problem; all chains are included if the
    stage has `finished`. `usage` holds counts from run.json and the number of chains that they
    cover: zeros if an older version, which did not count, made the chains.
    """

    written: Mapping[str, Sequence[int]]
    usage: Mapping[str, float]
    finished: bool

    @property
    def chains(self) -> int:
        """Number of chains."""
        return sum(map(len, self.written.values()))

    def per_chain(self, count: str) -> float | None:
        """A count of `usage` per chain; None if it was not counted."""
        chains = self.usage["chains"]
        return self.usage[count] / chains if chains else None


@dataclass(frozen=True, slots=True)
class Tasks:
    """Number of chains that a model makes: between `least` and `most`, `expected` if known; `there`
    counts those that already exist."""

    least: int
    most: int
    expected: int | None
    there: int

    @property
    def count(self) -> int:
        """Count used in the estimate: `expected` if known, else `most`."""
        return self.most if self.expected is None else self.expected

    @property
    def left(self) -> int:
        """Chains that are still to be made."""
        return max(0, self.count - self.there)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate for `tasks.count` chains, and for those that are left; None where not measured.

    Tokens `read` (`cached` of them from the prefix cache) and `written`, the latter with a 95%
    interval; engine hours and their cost. It rests on `measured` chains.
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


def tasks_of(samples: Samples, problems: int, existing: int, similar: Measured | None) -> Tasks:
    """The number of tasks for `problems`. If it depends on verdicts (`samples.until`), it is
    estimated from `similar`, a finished run with the same `samples`."""
    least, most = bounds(samples, problems)
    least = max(least, existing)
    expected = most if least == most else None
    if expected is None and similar is not None and similar.finished:
        per_problem = similar.chains / len(similar.written)
        expected = min(most, max(least, round(problems * per_problem)))
    return Tasks(least, most, expected, existing)


def estimate(tasks: Tasks, sample: Measured, price: float | None, own: bool = False) -> Estimate:
    """Estimate for `tasks`, at `price` per engine hour; `own`: the sample is this run itself."""
    seconds = sample.per_chain(SECONDS)
    hours = None if seconds is None else seconds / 3600
    written = tasks.count * sum(map(sum, sample.written.values())) / sample.chains
    varying = tasks.least < tasks.most
    error = relative_error(sample.written, varying)
    half = None if error is None else error * written * (tasks.left / tasks.count if own else 1)
    return Estimate(
        tasks,
        sample.chains,
        read=_rounded(_times(tasks.count, sample.per_chain("prompt"))),
        cached=_rounded(_times(tasks.count, sample.per_chain("cached"))),
        written=round(written),
        written_ci95=None if half is None else (round(written - half), round(written + half)),
        engine_hours=_times(tasks.count, hours),
        engine_hours_left=_times(tasks.left, hours),
        cost=_times(tasks.count, hours, price),
        cost_left=_times(tasks.left, hours, price),
    )


def relative_error(written: Mapping[str, Sequence[int]], varying: bool) -> float | None:
    """Half the 95% interval of a token total, relative to the total; None for a single problem.

    The sampling unit is the problem, as chains of one problem are alike. For tokens per chain this
    is the ratio estimator (Cochran, Sampling Techniques, 1977, section 6.4); if the number of
    chains per problem is `varying` with their verdicts, tokens per problem are estimated.
    """
    totals = [sum(chains) for chains in written.values()]
    sizes = [1 if varying else len(chains) for chains in written.values()]
    n, total = len(totals), sum(totals)
    if n < 2 or not total:
        return None
    mean = total / sum(sizes)
    squares = sum((y - mean * x) ** 2 for y, x in zip(totals, sizes, strict=True))
    return Z95 * math.sqrt(n / (n - 1) * squares) / total


def describe(result: Estimate) -> str:
    """An estimate as one line: `8,000 chains: 61.2M tokens read (88% cached), …`."""
    tasks, parts = result.tasks, []
    if result.read is not None and result.cached is not None:
        parts.append(
            f"{_short(result.read)} tokens read ({result.cached / max(1, result.read):.0%} cached)"
        )
    if result.written is not None:
        low, high = result.written_ci95 or (result.written, result.written)
        between = f" ({_short(low)}-{_short(high)})" if low < high else ""
        parts.append(f"{_short(result.written)} written{between}")
    parts += _spent(result.engine_hours, result.cost)
    if result.engine_hours is None:
        parts.append("tokens read and engine hours were not measured")
    most = "at most " if tasks.expected is None else ""
    line = f"{_chains(tasks)}: {most}{', '.join(parts)}"
    if tasks.there:
        spent = ", ".join(_spent(result.engine_hours_left, result.cost_left))
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
    text = f"{hours:,.1f}" if hours >= 1 else f"{hours:.2g}"
    return [f"{text} engine hours", *([] if cost is None else [f"cost {cost:,.2f}"])]


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
