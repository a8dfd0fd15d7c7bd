"""What tests of the toolsets share."""

from hypothesis import settings

settings.register_profile("shared_machine", deadline=None)  # a slow moment is no failure
settings.load_profile("shared_machine")
