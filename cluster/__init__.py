"""Machines: connecting to Ray, resources, storage, jobs, checks of this machine.

Imports none of our other packages; only `__main__` asks the pipeline what a recipe requires.
"""
