"""The report of a run for the terminal: tables of `evaluation/metrics.json` and a conclusion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from pipeline.evaluation.statistics import LEVEL

LABELS = {
    "student_before": "student before",
    "student_sft": "student after sft",
    "student_after": "student after",
    "teacher": "teacher",
}
ROUND = "student_round_"
Metrics = Mapping[str, Any]


def label(model: str) -> str:
    """The display name of a model in metrics.json."""
    return LABELS.get(model) or f"student round {model.removeprefix(ROUND)}"


def ordered(models: Iterable[str]) -> list[str]:
    """Sort models: student before, after SFT, each round, after; the teacher last."""
    places = list(LABELS)
    after = places.index("student_after")

    def place(model: str) -> tuple[float, int]:
        if model in places:
            return places.index(model), 0
        return after - 0.5, int(model.removeprefix(ROUND))

    return sorted(models, key=place)


def render_report(metrics: Metrics, run_json: Metrics, run_dir: str) -> Group:
    """Tables, paired comparisons, conclusion, and paths of the results."""
    lines = [*_without_verdict_lines(metrics), *_several_samples_lines(metrics)]
    lines += [*_paired_lines(metrics), *_without_call_lines(metrics), *_round_lines(run_json)]
    lines += [*_conclusion(metrics, run_json), "", *_path_lines(run_dir)]
    tables = [_accuracy(metrics), _failures(metrics)]
    if task_splits := _task_splits(metrics):
        tables.insert(1, _by_task(task_splits, metrics))
    return Group(*tables, Text("\n".join(lines)))


def print_report(metrics: Metrics, run_json: Metrics, run_dir: str) -> None:
    """Print `render_report` to standard output."""
    Console(width=None if Console().is_terminal else 120).print(
        render_report(metrics, run_json, run_dir)
    )


def _splits(metrics: Metrics) -> list[str]:
    names = _cells(metrics)
    return [split for split in ("test", "ood") if split in names]


def _task_splits(metrics: Metrics) -> list[str]:
    """test/arithmetic, test/logic and so on; empty if all problems are of one task."""
    cells = _cells(metrics)
    tasks = sorted({name.partition("/")[2] for name in cells if "/" in name})
    names = [f"{split}/{task}" for split in _splits(metrics) for task in tasks]
    return [name for name in names if name in cells] if len(tasks) > 1 else []


def _cells(metrics: Metrics) -> set[str]:
    return {name for splits in metrics["models"].values() for name in splits}


def _accuracy(metrics: Metrics) -> Table:
    table = _table("problems solved, 95% intervals", _splits(metrics), metrics)
    table.add_column("calls per solved problem", justify="right")
    table.add_column("tokens per problem", justify="right")
    for model, splits in _ordered(metrics):
        cells = [_cell_text(metrics, splits, split) for split in _splits(metrics)]
        first = splits.get("test") or next(iter(splits.values()))
        calls, tokens = first["calls_per_solved"], first["tokens_per_problem"]
        means = (
            "-" if calls is None else f"{calls:.1f}",
            "-" if tokens is None else f"{tokens:.0f}",
        )
        table.add_row(label(model), *cells, *means)
    return table


def _by_task(task_splits: Sequence[str], metrics: Metrics) -> Table:
    table = _table("by task", task_splits, metrics)
    for model, splits in _ordered(metrics):
        table.add_row(label(model), *(_cell_text(metrics, splits, name) for name in task_splits))
    return table


def _table(title: str, splits: Sequence[str], metrics: Metrics) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for split in splits:
        counts = _counts(metrics, split)
        same = f" (n={counts.pop():,})" if len(counts) == 1 else ""
        table.add_column(f"{split}{same}", justify="right")
    return table


def _failures(metrics: Metrics) -> Table:
    models = _ordered(metrics)
    table = Table(title="failures by kind, all splits", title_justify="left")
    table.add_column("")
    for model, _ in models:
        table.add_column(label(model), justify="right")
    counts = {model: _all_failures(splits) for model, splits in models}
    kinds = sorted({kind for count in counts.values() for kind in count})
    for kind in kinds:
        table.add_row(kind, *(str(counts[model].get(kind, 0)) for model, _ in models))
    return table


def _all_failures(splits: Metrics) -> dict[str, int]:
    total: dict[str, int] = {}
    for name, cell in splits.items():
        if "/" not in name:
            for kind, count in cell["failures"].items():
                total[kind] = total.get(kind, 0) + count
    return total


def _paired_lines(metrics: Metrics) -> list[str]:
    return [
        f"student after against {baseline}, {split}: {_paired_text(row)}"
        for key, baseline in (("paired", "before"), ("paired_vs_sft", "after sft"))
        for split in (*_splits(metrics), *_task_splits(metrics))
        if (row := metrics[key].get(split))
    ]


def _paired_text(row: Metrics) -> str:
    others = _others(row["not_compared"])
    if not row["n"]:
        return f"no problem has a verdict of both{others}"
    low, high = row["ci95"]
    return (
        f"{100 * row['gain']:+.1f} points (95% {100 * low:+.1f} to {100 * high:+.1f}; "
        f"{row['gained']} gained, {row['lost']} lost of {row['n']:,}, p={row['p_value']:.2g}"
        f"{_corrected(row)}){others}"
    )


def _corrected(row: Metrics) -> str:
    """The mark of one comparison of several; its interval and first p-value are not corrected."""
    count = row.get("comparisons", 1)
    return f", {row['p_holm']:.2g} as one of {count} comparisons" if count > 1 else ""


def _others(count: int) -> str:
    return f"; {count:,} not compared, without a verdict of both" if count else ""


def _without_verdict_lines(metrics: Metrics) -> list[str]:
    """The problems of each row that it says nothing about."""
    return [
        f"{label(model)}, {split}: {count:,} problems without a verdict, not in its n"
        for model, splits in _ordered(metrics)
        for split in _splits(metrics)
        if (count := splits.get(split, {}).get("without_verdict", 0))
    ]


def _several_samples_lines(metrics: Metrics) -> list[str]:
    """pass@k and majority@k, where problems have several chains."""
    return [
        f"{label(model)}, {split}: {name}@{k} {share_text(cell['value'], cell['ci95'])} "
        f"of {cell['n']:,}"
        for model, splits in _ordered(metrics)
        for split in _splits(metrics)
        for key, name in (("pass_at", "pass"), ("majority_at", "majority"))
        for k, cell in splits.get(split, {}).get(key, {}).items()
        if cell["n"]
    ]


def _without_call_lines(metrics: Metrics) -> list[str]:
    """For each task: the student's correct answers without a successful function call."""
    student = metrics["models"].get("student_after", {})
    cells = [(name, student[name]) for name in sorted(student) if name.startswith("test/")]
    return [
        f"student after, {name}: {cell['correct_without_call']:,} of {cell['correct']:,} correct "
        "answers without a successful call"
        for name, cell in cells
    ]


def _round_lines(run_json: Metrics) -> list[str]:
    rounds = run_json.get("rounds")
    if not rounds:
        return []
    shares = ", ".join(percent(student["accuracy"]) for student in rounds["students"])
    best = f"that of round {rounds['best']}" if rounds["best"] else "the one before training"
    return [
        f"rounds: {rounds['stopped']}; of {rounds['heldout']:,} held-out problems, the students "
        f"before and after each round solve {shares}; student after is {best}"
    ]


def percent(share: float | None) -> str:
    """A share in percent; a dash if nothing was measured."""
    return "-" if share is None else f"{100 * share:.1f}%"


def _conclusion(metrics: Metrics, run_json: Metrics) -> list[str]:
    """One sentence on whether the student improved, by the exact test on split test."""
    row = metrics["paired"].get("test")
    if row is None:
        return []
    if not run_json.get("rounds", {}).get("best", 1):
        return ["The student is the one before training: no round solved more held-out problems."]
    if not row["n"]:
        return ["Whether the student learned is unknown: no problem has a verdict of both."]
    pairs, chains = _training_data(run_json)
    basis = f"from {pairs:,} pairs and {chains:,} correct chains"
    if row["p_value"] >= LEVEL:
        return [
            "Nothing shows that the student learned to solve more problems: the interval of its "
            f"gain contains zero ({basis})."
        ]
    if row["gain"] > 0:
        return [f"The student learned: it solves more unseen problems than before, {basis}."]
    return [f"The student lost ability: it solves fewer unseen problems, {basis}."]


def _training_data(run_json: Metrics) -> tuple[int, int]:
    """Numbers of pairs and correct chains that the student was trained on, over its rounds."""
    stages, best = run_json.get("stages", {}), run_json.get("rounds", {}).get("best", 1)
    names = ["pairs", *(f"rounds/{number:02d}/pairs" for number in range(2, best + 1))]
    pairs_facts = [stages.get(name, {}) for name in names]
    return (
        sum(facts.get("rows_out", 0) for facts in pairs_facts),
        sum(facts.get("supervised", 0) for facts in pairs_facts),
    )


def _path_lines(run_dir: str) -> list[str]:
    return [
        f"student     {run_dir}/student",
        f"chains      {run_dir}/chains        python -m pipeline show {run_dir}",
        f"pairs       {run_dir}/pairs         python -m pipeline show {run_dir} --mask",
        f"numbers     {run_dir}/evaluation/metrics.json, {run_dir}/run.json",
        f"serve it    .venv/bin/python -m serving up {run_dir}",
    ]


def _ordered(metrics: Metrics) -> list[tuple[str, Metrics]]:
    return [(model, metrics["models"][model]) for model in ordered(metrics["models"])]


def _counts(metrics: Metrics, split: str) -> set[int]:
    """The numbers of problems that the rows of a table are about."""
    return {splits[split]["n"] for splits in metrics["models"].values() if split in splits}


def _cell_text(metrics: Metrics, splits: Metrics, split: str) -> str:
    """Accuracy and interval; the row's own n unless all rows have the same."""
    text = accuracy_text(splits.get(split))
    several = split in splits and len(_counts(metrics, split)) > 1
    return f"{text}  n={splits[split]['n']:,}" if several else text


def accuracy_text(cell: Metrics | None) -> str:
    """Accuracy and interval of a cell of metrics.json; a dash if nothing was measured."""
    if cell is None or not cell["n"]:
        return "-"
    return share_text(cell["accuracy"], cell["ci95"])


def share_text(share: float, ci95: Sequence[float]) -> str:
    """A share with its interval, in percent."""
    low, high = ci95
    return f"{100 * share:.1f}%  [{100 * low:.1f}, {100 * high:.1f}]"
