"""The executor's worker processes, and the dispatcher that assigns calls to them.

dispatcher  assign calls to workers; handle workers that hang or die
process     one worker process, from the executor's side
worker      the program that runs in a worker process
reaper      collects killed processes
job         a call with its waiter, and metrics
pipes       pipes that carry whole packets
"""
