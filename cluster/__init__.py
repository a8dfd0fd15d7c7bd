"""Everything about machines: connecting to Ray, resources, storage, jobs, vLLM on this machine.

Knows ray, vllm and nothing of ours; `__main__` alone asks the pipeline what a recipe requires.
"""
