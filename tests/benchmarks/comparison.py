"""The comparison of docs/comparison.md: one factor at a time around the recipe `pocket`.

    python -m tests.benchmarks.comparison [--runs DIR] [--seeds N] [--only SETTING …]

Each setting and seed is a separate run, `python -m pipeline run pocket …`. Chains, and the result
of the SFT stage if it is the same, are copied from the default's run of the same seed. The command
can be repeated: it makes only the missing runs, then writes the table and the plot of all finished
runs into docs/.

Not here: the interpretation of the numbers (docs/comparison.md, written by hand).
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import tables
from pipeline.evaluation.statistics import paired
from pipeline.training.monitoring import read_metrics, steps
from tests.benchmarks import log
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "comparison.md"
PLOT = ROOT / "docs" / "comparison.svg"
TABLE = ("<!-- table: made by tests/benchmarks/comparison.py -->", "<!-- end of the table -->")
IMAGE = f"![A dot per seed, a line at the mean]({PLOT.name})"
PROBLEMS = ("problems.counts.test=1000",)
WITH_SFT = ("tasks", "chains", "checkpoints/sft")
ON_POLICY = ("student.model={default}/checkpoints/sft/model", "train.stages=[dpo]")
AS_LONG = ("train.stages=[sft]", "train.sft.epochs=5")  # as many minutes as both stages


@dataclass(frozen=True, slots=True)
class Setting:
    """What differs from the default, and which parts of the default's run are copied; in overrides
    `{default}` is the folder of that run."""

    factor: str
    name: str
    overrides: tuple[str, ...] = ()
    shared: tuple[str, ...] = WITH_SFT

    @property
    def slug(self) -> str:
        """The setting's name in run folders and in `--only`."""
        return re.sub(r"[^\w-]+", "-", f"{self.factor} {self.name}".strip().replace(",", ""))


DEFAULT = Setting("", "default", shared=())
AFTER_SFT = Setting("rejected chains", "of the student after SFT", ON_POLICY, ())
SETTINGS = (
    DEFAULT,
    Setting("strategy", "first_divergence", ("pairs.strategies={first_divergence: 1}",)),
    Setting("strategy", "corrected", ("pairs.strategies={corrected: 1}",)),
    Setting("loss", "sigmoid", ("train.loss=sigmoid",)),
    Setting("loss", "ipo", ("train.loss=ipo",)),
    Setting("learning rate", "1e-4", ("train.learning_rate=1e-4",)),
    # Adam is invariant to the scale of the loss
    Setting("NLL weight", "1,000: the chosen chains alone", ("train.nll_weight=1000",)),
    Setting("SFT stage", "none", ("train.stages=[dpo]",), ("tasks", "chains")),
    Setting("SFT stage", "half as long", ("train.sft.epochs=2",), ("tasks", "chains")),
    Setting("SFT stage", "alone, as long as both stages", AS_LONG, ("tasks", "chains")),
    AFTER_SFT,
    Setting("problems", "4,000 in place of 2,000", ("problems.counts.train=4000",), ()),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Which problems of `test` a model solved with a setting and a seed; accuracy by split."""

    setting: Setting
    seed: int
    solved: dict[str, bool]
    accuracies: Mapping[str, float]

    @property
    def test(self) -> float:
        """Accuracy on `test`."""
        return statistics.mean(self.solved.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the missing runs, then the table and the plot; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.comparison")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "comparison")
    parser.add_argument("--seeds", type=int, default=3)
    slugs = [setting.slug for setting in SETTINGS]
    parser.add_argument("--only", nargs="+", choices=slugs, metavar="SETTING", default=None)
    asked = parser.parse_args(arguments)
    for seed in range(asked.seeds):
        for setting in SETTINGS:
            if asked.only is None or setting.slug in asked.only or setting is DEFAULT:
                run(setting, seed, asked.runs)
    results = list(measured(asked.runs, asked.seeds))
    page = PAGE.read_text()
    before, after = page.partition(TABLE[0])[0], page.partition(TABLE[1])[2]
    made = "\n\n".join([table(results), IMAGE, pair_table(asked.runs, asked.seeds)])
    PAGE.write_text(f"{before}{TABLE[0]}\n\n{made}\n\n{TABLE[1]}{after}")
    draw(results)
    return 0


def folder(setting: Setting, seed: int, runs: Path) -> Path:
    """The folder of the run with this setting and seed."""
    return runs / f"seed-{seed}" / setting.slug


def run(setting: Setting, seed: int, runs: Path) -> None:
    """Make one run, unless it is finished."""
    place = folder(setting, seed, runs)
    if (place / "evaluation" / "metrics.json").is_file():
        return
    log(f"{place.relative_to(runs)}")
    default = folder(DEFAULT, seed, runs)
    for part in setting.shared:
        if not (place / part).exists():
            shutil.copytree(default / part, place / part)
    models = () if setting is DEFAULT else ("evaluate.models=[student_after]",)
    own = [override.replace("{default}", str(default)) for override in setting.overrides]
    overrides = [f"seed={seed}", *PROBLEMS, *models, *own]
    command = [sys.executable, "-m", "pipeline", "run", "pocket", *overrides]
    subprocess.run([*command, "--run-dir", str(place)], cwd=ROOT, check=True, stdout=sys.stderr)


def measured(runs: Path, seeds: int) -> Iterator[Measured]:
    """Results of the finished runs; for the default, of its other models as well."""
    for seed in range(seeds):
        for setting in SETTINGS:
            evaluation = folder(setting, seed, runs) / "evaluation"
            if (evaluation / "metrics.json").is_file():
                yield _measured(setting, seed, evaluation, "student_after")
                if setting is DEFAULT:
                    for label, name in OTHER_MODELS.items():
                        yield _measured(Setting("", label), seed, evaluation, name)


SFT_ALONE = "after the SFT stage alone"
SPLITS = {"arithmetic": "test/arithmetic", "logic": "test/logic", "ood": "ood"}
OTHER_MODELS = {"student before": "student_before", SFT_ALONE: "student_sft", "teacher": "teacher"}


def _measured(setting: Setting, seed: int, evaluation: Path, model: str) -> Measured:
    splits = json.loads((evaluation / "metrics.json").read_text())["models"][model]
    solved = {
        row["problem"]["problem_id"]: row["correct"]
        for row in tables.rows(evaluation, ["problem", "model", "correct"])
        if row["model"] == model and row["problem"]["split"] == "test"
    }
    accuracies = {split: splits[split]["accuracy"] for split in SPLITS.values()}
    return Measured(setting, seed, solved, accuracies)


def table(results: Sequence[Measured]) -> str:
    """A Markdown table with a row per setting: mean and range over the seeds, in percent. The last
    column is the gain over the SFT stage alone, in points on the same problems of all seeds, with
    its interval."""
    names = (
        "factor",
        "setting",
        "seeds",
        "test",
        *SPLITS,
        "against the default",
        "against the SFT stage alone",
    )
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    default = {m.seed: m.test for m in results if m.setting == DEFAULT}
    alone = {m.seed: m.solved for m in results if m.setting.name == SFT_ALONE}
    for setting in dict.fromkeys(m.setting for m in results):
        own = [m for m in results if m.setting == setting]
        against = [m.test - default[m.seed] for m in own]
        cells = [str(len(own)), _spread([m.test for m in own])]
        cells += [_spread([m.accuracies[split] for m in own]) for split in SPLITS.values()]
        cells.append("" if setting == DEFAULT else _spread(against, sign="+"))
        cells.append("" if setting.name == SFT_ALONE else _gain(own, alone))
        lines.append(f"| {setting.factor} | {setting.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(shares: Sequence[float], sign: str = "") -> str:
    percent = [100 * share for share in shares]
    mean, low, high = statistics.mean(percent), min(percent), max(percent)
    return f"{mean:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def _gain(own: Sequence[Measured], alone: dict[int, dict[str, bool]]) -> str:
    both = [(alone[m.seed][problem], solved) for m in own for problem, solved in m.solved.items()]
    before, after = zip(*both, strict=True)
    result = paired(before, after)
    low, high = result.ci95
    return f"{100 * result.gain:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def pair_table(runs: Path, seeds: int) -> str:
    """A Markdown table of the DPO stage's pairs and initial log-probabilities: the default's pairs,
    and pairs rejected from the student after SFT."""
    names = ("pairs", "seed", "how many", "log p of chosen", "of rejected")
    lines = [f"| {' | '.join(names)} | both correct: same replies |"]
    lines.append("|---|---|---|---|---|---|")
    for setting, seed in itertools.product((DEFAULT, AFTER_SFT), range(seeds)):
        place = folder(setting, seed, runs)
        metrics = place / "checkpoints" / "dpo" / "metrics.jsonl"
        if metrics.is_file():
            first = steps(read_metrics(metrics))[0]
            logps = [f"{first[f'logps/{side}']:.1f}" for side in ("chosen", "rejected")]
            pairs = sum(1 for _ in tables.rows(place / "pairs", ["pair_id"]))
            same, both = identical_solutions(place)
            cells = [setting.name, str(seed), f"{pairs:,}", *logps, f"{same:,} of {both:,}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def identical_solutions(place: Path) -> tuple[int, int]:
    """Number of problems whose correct chains of teacher and student have the same replies, and
    number of problems that both solved."""
    replies: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for row in tables.rows(place / "chains", ["problem", "model", "steps", "correct"]):
        if row["correct"]:
            chain = [step["reply"] for step in row["steps"]]
            replies[row["problem"]["problem_id"]].setdefault(row["model"], chain)
    both = [list(models.values()) for models in replies.values() if len(models) == 2]
    return sum(one == other for one, other in both), len(both)


def draw(results: Sequence[Measured]) -> None:
    """Plot accuracy on `test` for every setting: a dot per seed and a line at the mean."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "comparison"  # for a deterministic file
    from matplotlib import pyplot

    settings = list(dict.fromkeys(m.setting for m in results))[::-1]
    figure, axes = pyplot.subplots(figsize=(8, 0.35 * len(settings) + 1), layout="constrained")
    for height, setting in enumerate(settings):
        shares = [100 * m.test for m in results if m.setting == setting]
        axes.plot(shares, [height] * len(shares), "o", color="tab:blue", alpha=0.6)
        axes.plot([statistics.mean(shares)], [height], "|", color="black", markersize=14)
    labels = [" ".join(filter(None, (f"{s.factor}:" * bool(s.factor), s.name))) for s in settings]
    axes.set_yticks(range(len(settings)), labels)
    axes.set_xlabel("problems solved on test, %: a dot per seed, a line at the mean")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
