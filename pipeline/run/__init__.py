"""A run: its stages in order, its rounds, and the commands that use it.

    run              prepares a run, and its stages from generate to evaluate
    schedule         which stages of which round a command runs
    rounds           the problems of each round, and the rule that ends rounds
    round_selection  measures the student of each round on held-out problems
    preflight        checks models and contexts before anything starts
    dry_run          prints the plan and an estimate for generation
    estimate         computes that estimate
    estimate_sample  reads the measurements of an earlier run
    commands         the commands of `python -m pipeline`
    show             prints chains and loss masks

Not here: what a stage does (`stage.py` in the stage's own room).
"""
