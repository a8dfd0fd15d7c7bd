"""Execution: run calls in worker processes with limits.

executor   runs the calls of one toolset
pool/      worker processes, and the dispatcher that assigns calls to them
sandbox/   restrictions and resource limits of a worker process
"""
