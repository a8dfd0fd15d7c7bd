"""Pairing: a problem's judged chains become preference pairs.

    strategies   which chain is preferred to which, and from which step on
    filters      which candidates are not fit to be learned from
    choosing     draws from the strategies by weight, filters, caps, counts every drop
    balance      fewer pairs of a whole run, tasks, difficulties and failures as even as can be

All of it is pure: the same chains and seed give the same pairs.

Not here: reading chains and writing pairs (`pipeline.pairs`), masks (`pipeline.agent.transcript`).
"""

from pipeline.pairing.balance import Stratum, balanced, difficulty
from pipeline.pairing.candidates import Candidates, Draft, shared_steps
from pipeline.pairing.choosing import make_pair, pair_up
from pipeline.pairing.filters import Filter, filter_of
from pipeline.pairing.strategies import (
    STRATEGIES,
    concise,
    corrected,
    first_divergence,
    outcome,
    recovered,
    reference,
)

__all__ = [
    "STRATEGIES",
    "Candidates",
    "Draft",
    "Filter",
    "Stratum",
    "balanced",
    "concise",
    "corrected",
    "difficulty",
    "filter_of",
    "first_divergence",
    "make_pair",
    "outcome",
    "pair_up",
    "recovered",
    "reference",
    "shared_steps",
]
