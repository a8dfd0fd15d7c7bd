"""The executor's inside: worker processes, what they may do and take, who gets which call.

Not here: what a caller sees (`toolsets.execution.executor`).
"""
