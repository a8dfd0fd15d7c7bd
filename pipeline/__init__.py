"""Problems to chains to pairs to a student to its evaluation.

A pure core (the modules in `CORE`: no ray, torch, vllm or transformers) and thin adapters around
it.
"""

CORE = frozenset(
    f"pipeline.{name}"
    for name in (
        "agent",
        "conclusions",
        "errors",
        "estimate",
        "formulas",
        "hygiene",
        "masks",
        "metrics",
        "models",
        "native",
        "pairing",
        "pairing.balance",
        "pairing.candidates",
        "pairing.choosing",
        "pairing.filters",
        "pairing.strategies",
        "pocket",
        "pocket.arithmetic",
        "pocket.logic",
        "pocket.models",
        "pocket.sentences",
        "pocket.told",
        "pocket.world",
        "prompt",
        "recipe",
        "records",
        "reference",
        "rendering",
        "rollout",
        "sections",
        "sections.base",
        "sections.evaluate",
        "sections.machines",
        "sections.models",
        "sections.pairs",
        "sections.problems",
        "sections.train",
        "self_made",
        "statistics",
        "tasks",
        "transcript",
        "verdict",
        "worked",
    )
)
