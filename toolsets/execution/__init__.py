"""Execution: calls run in worker processes with limits.

executor   runs the calls of one toolset
pool/      worker processes, and who gets which call
sandbox/   what a worker process may not do, and what it may take
"""
