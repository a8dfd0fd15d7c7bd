"""Metrics of generation that Ray exports to Prometheus.

    apprentice_chains{stage, outcome}    `right` (correct), or the kind of failure
    apprentice_tokens{stage, kind}       the counts of `pipeline.agent.driver.Usage`
    apprentice_engines{stage}            engines that have made chains so far

Not here: the live line (`pipeline.progress`), run.json (`pipeline.run_dir`).
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.agent.driver import TOKENS
from pipeline.records import FAILURES


class Telemetry:
    """The metrics of one stage, counted in the process that shows its progress."""

    def __init__(self, stage: str) -> None:
        from ray.util.metrics import Counter, Gauge

        self._stage = {"stage": stage}
        self._chains = Counter("apprentice_chains", "chains", ("stage", "outcome"))
        self._tokens = Counter("apprentice_tokens", "tokens of requests", ("stage", "kind"))
        self._engines = Gauge("apprentice_engines", "engines that have made chains", ("stage",))

    def count(self, row: Mapping[str, int], engines: int) -> None:
        """Add the summary row of a block (`pipeline.generation.actor.summary`)."""
        for name, outcome in {"correct": "right", **{kind: kind for kind in FAILURES}}.items():
            if row[name]:
                self._chains.inc(row[name], self._stage | {"outcome": outcome})
        for kind in TOKENS:
            if row[kind]:
                self._tokens.inc(row[kind], self._stage | {"kind": kind})
        self._engines.set(engines, self._stage)
