"""The sections of a recipe: every key, its type, default, bounds, unit and source.

Not here: reading a recipe, and what is said of a wrong one (`pipeline.recipe`).
"""

from pipeline.sections.base import Section
from pipeline.sections.evaluate import Evaluate, EvaluatedModel
from pipeline.sections.machines import Cluster, Replicas, Serving, engine_parts
from pipeline.sections.models import (
    Agent,
    DialectName,
    Example,
    Model,
    Samples,
    Student,
    Teacher,
    Until,
)
from pipeline.sections.pairs import Pairs, Strategy
from pipeline.sections.problems import PocketCounts, Problems, SelfMade
from pipeline.sections.train import Lora, Supervised, Train

__all__ = [
    "Agent",
    "Cluster",
    "DialectName",
    "Evaluate",
    "EvaluatedModel",
    "Example",
    "Lora",
    "Model",
    "Pairs",
    "PocketCounts",
    "Problems",
    "Replicas",
    "Samples",
    "Section",
    "SelfMade",
    "Serving",
    "Strategy",
    "Student",
    "Supervised",
    "Teacher",
    "Train",
    "Until",
    "engine_parts",
]
