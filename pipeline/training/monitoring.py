"""Training metrics: read metrics.jsonl, format the live line, warn of likelihood displacement.

A line of metrics.jsonl is one optimizer step with TRL's names (`loss`, `logps/chosen`,
`rewards/margins`, ...) and pairs and tokens per second, or an evaluation on held-out pairs
(`eval_...`).

Not here: writing the lines (`pipeline.training.callback`).
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WINDOW = 10  # steps of a moving average
# A fall of chosen chains below the reference is harmless up to the larger of these two:
HARMLESS_NATS = math.log(2)  # half as likely
HARMLESS_SHARE = 0.25  # of the reference's log-probability, as long chains move by more

Line = Mapping[str, Any]


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The metrics of a training stage, one dict per line; an incomplete last line is dropped."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(text))
    return lines


def steps(lines: Sequence[Line]) -> list[Line]:
    """The lines of optimizer steps; if a step was repeated, its last line."""
    by_step = {line["step"]: line for line in lines if "loss" in line}
    return [by_step[step] for step in sorted(by_step)]


def numbers(logs: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers in a trainer's logs; None for a non-finite one."""
    values = {name: value for name, value in logs.items() if isinstance(value, int | float)}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def not_finite(line: Line) -> str | None:
    """The name of the first loss or gradient that is not finite, or None."""
    names = {
        "loss": "the loss",
        "grad_norm": "the gradient",
        "eval_loss": "the loss of held-out pairs",
    }
    return next((text for name, text in names.items() if name in line and line[name] is None), None)


def summary(lines: Sequence[Line]) -> str:
    """The live line: means over the last steps."""
    recent = [line for line in steps(lines) if line["loss"] is not None][-WINDOW:]
    if not recent:
        return ""
    last = recent[-1]
    parts = [f"loss {last['loss']:.4f}"]
    if "rewards/margins" in last:
        parts += [
            f"reward accuracy {_mean(recent, 'rewards/accuracies'):.2f}",
            f"margin {_mean(recent, 'rewards/margins'):.2f}",
            f"chosen {_mean(recent, 'logps/chosen'):.1f}",
            f"rejected {_mean(recent, 'logps/rejected'):.1f}",
        ]
    if "tokens_per_second" in last:
        parts.append(f"{_mean(recent, 'tokens_per_second'):,.0f} tokens/s")
    return "  ".join(parts)


def chosen_falls(lines: Sequence[Line], beta: float) -> list[tuple[float, float]]:
    """For each step: the fall of chosen chains below the reference, and their log-probability under
    the reference; means per chain, in nats.

    TRL's `rewards/chosen` is beta x (log-probability - the reference's), arXiv 2305.18290.
    """
    rewarded = [line for line in steps(lines) if line.get("rewards/chosen") is not None]
    falls = [-line["rewards/chosen"] / beta for line in rewarded]
    return [(fall, line["logps/chosen"] + fall) for fall, line in zip(falls, rewarded, strict=True)]


def displaced_at(falls: Sequence[tuple[float, float]]) -> int | None:
    """The first step at which likelihood displacement is detected, or None.

    The mean fall over WINDOW steps exceeds HARMLESS_NATS and HARMLESS_SHARE of the reference's
    log-probability, and has grown over the last three windows.
    """
    means = [_means(falls[end - WINDOW : end]) for end in range(WINDOW, len(falls) + 1)]
    for now in range(2 * WINDOW, len(means)):
        oldest, older, newest = (means[now - back * WINDOW][0] for back in (2, 1, 0))
        large = newest > max(HARMLESS_NATS, HARMLESS_SHARE * -means[now][1])
        if large and newest > older > oldest:
            return now + WINDOW
    return None


def warning(lines: Sequence[Line], beta: float) -> str | None:
    """Warning text for likelihood displacement, or None.

    Pairs of similar chains can lower the log-probabilities of both sides (arXiv 2402.13228,
    section 3).
    """
    falls = chosen_falls(lines, beta)
    step = displaced_at(falls)
    if step is None:
        return None
    fall, reference = _means(falls[step - WINDOW : step])
    return (
        f"likelihood displacement: at step {step} the log-probability of chosen chains is "
        f"{reference - fall:.1f} and falling ({reference:.1f} before training); use "
        "train.loss=dpop, a larger train.nll_weight or a lower train.learning_rate"
    )


def _means(window: Sequence[tuple[float, float]]) -> tuple[float, float]:
    falls, references = zip(*window, strict=True)
    return sum(falls) / len(window), sum(references) / len(window)


def _mean(lines: Sequence[Line], name: str) -> float:
    values = [line[name] for line in lines if line.get(name) is not None]
    return sum(values) / max(1, len(values))
