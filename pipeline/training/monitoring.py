"""What training tells as it goes on: metrics.jsonl, the words of the live line, what is alarming.

A line of metrics.jsonl is one optimizer step with TRL's names (`loss`, `logps/chosen`,
`rewards/margins`, ...) and pairs and tokens per second, or a measurement on held-out pairs
(`eval_...`).

Not here: who writes the lines (`reporter` beside this), TensorBoard and the like (transformers).
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WINDOW = 10  # steps of a moving average
LEAST = math.log(2)  # nats that a chosen chain may lie below the reference: half as likely,
SHARE = 0.25  # and the share of the reference's own log-probability, as long chains move by more

Line = Mapping[str, Any]


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The metrics of a training stage, one dict per step; a half-written last line is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            lines.append(json.loads(text))
    return lines


def steps(lines: Sequence[Line]) -> list[Line]:
    """The lines of optimizer steps; of a step that was trained again, the later."""
    by_step = {line["step"]: line for line in lines if "loss" in line}
    return [by_step[step] for step in sorted(by_step)]


def numbers(logs: Mapping[str, Any]) -> dict[str, float | None]:
    """What can be drawn of a trainer's logs; None for one that is not finite."""
    found = {name: value for name, value in logs.items() if isinstance(value, int | float)}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def not_finite(line: Line) -> str | None:
    """Which of the losses and the gradient is not a finite number."""
    names = {
        "loss": "the loss",
        "grad_norm": "the gradient",
        "eval_loss": "the loss of held-out pairs",
    }
    return next((text for name, text in names.items() if name in line and line[name] is None), None)


def words(lines: Sequence[Line]) -> str:
    """What the live line says of the last steps."""
    recent = [line for line in steps(lines) if line["loss"] is not None][-WINDOW:]
    if not recent:
        return ""
    last = recent[-1]
    said = [f"loss {last['loss']:.4f}"]
    if "rewards/margins" in last:
        said += [
            f"ordered right {_mean(recent, 'rewards/accuracies'):.2f}",
            f"margin {_mean(recent, 'rewards/margins'):.2f}",
            f"chosen {_mean(recent, 'logps/chosen'):.1f}",
            f"rejected {_mean(recent, 'logps/rejected'):.1f}",
        ]
    if "tokens_per_second" in last:
        said.append(f"{_mean(recent, 'tokens_per_second'):,.0f} tokens/s")
    return "  ".join(said)


def fallen(lines: Sequence[Line], beta: float) -> list[tuple[float, float]]:
    """Of each step, how far chosen chains lie below the reference, and what the reference gives
    them: mean log-probabilities of a chain, nats.

    TRL's `rewards/chosen` is beta x (log-probability now - the reference's), arXiv 2305.18290.
    """
    found = [line for line in steps(lines) if line.get("rewards/chosen") is not None]
    falls = [-line["rewards/chosen"] / beta for line in found]
    return [(fall, line["logps/chosen"] + fall) for fall, line in zip(falls, found, strict=True)]


def destroyed_at(fallen: Sequence[tuple[float, float]]) -> int | None:
    """The step at which a student was being destroyed, None where it never was.

    Over WINDOW steps chosen chains lie more than LEAST nats and more than SHARE of the reference's
    own log-probability below it, lower than over the WINDOW before, and those lower than over the
    one before.
    """
    means = [_means(fallen[end - WINDOW : end]) for end in range(WINDOW, len(fallen) + 1)]
    for now in range(2 * WINDOW, len(means)):
        oldest, older, newest = (means[now - back * WINDOW][0] for back in (2, 1, 0))
        far = newest > max(LEAST, SHARE * -means[now][1])
        if far and newest > older > oldest:
            return now + WINDOW
    return None


def warning(lines: Sequence[Line], beta: float) -> str | None:
    """A sentence where the student is being destroyed: pairs of chains that differ little lower
    both sides' log-probabilities (arXiv 2402.13228, section 3)."""
    found = fallen(lines, beta)
    step = destroyed_at(found)
    if step is None:
        return None
    fall, reference = _means(found[step - WINDOW : step])
    return (
        f"the student is being destroyed: at step {step} the chosen chains' log-probability is "
        f"{reference - fall:.1f}, {reference:.1f} before training, and falls; train.loss=dpop, a "
        "larger train.nll_weight or a lower train.learning_rate helps"
    )


def _means(found: Sequence[tuple[float, float]]) -> tuple[float, float]:
    falls, references = zip(*found, strict=True)
    return sum(falls) / len(found), sum(references) / len(found)


def _mean(lines: Sequence[Line], name: str) -> float:
    found = [line[name] for line in lines if line.get(name) is not None]
    return sum(found) / max(1, len(found))
