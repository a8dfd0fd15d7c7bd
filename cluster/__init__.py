"""Everything about machines: connecting to Ray, resources, storage, job submission.

Knows ray and nothing of ours.
"""
