"""Hypothesis settings for the tests of the toolsets."""

from hypothesis import settings

settings.register_profile("shared_machine", deadline=None)  # avoid failures by load
settings.load_profile("shared_machine")
