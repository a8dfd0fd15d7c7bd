"""Problems to chains to pairs to a student to its evaluation.

A pure core (`CORE`: no ray, torch, vllm or transformers) and thin adapters around it.
"""

CORE = frozenset(
    f"pipeline.{name}"
    for name in (
        "agent",
        "conclusions",
        "errors",
        "hashing",
        "estimate",
        "formulas",
        "hygiene",
        "masks",
        "metrics",
        "models",
        "native",
        "pairing",
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
        "self_made",
        "statistics",
        "tasks",
        "transcript",
        "verdict",
        "worked",
    )
)

# Modules in those rooms that are adapters all the same.
ADAPTERS = frozenset[str]()
