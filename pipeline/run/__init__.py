"""A run: its stages in order, its rounds, and what the command line does with it.

    run              prepares a run, and its stages from generate to evaluate
    schedule         which stages of which round a command runs
    rounds           which problems each round learns from, and when rounds end
    round_selection  the student of each round on held-out problems
    preflight        what is wrong with models and contexts before anything starts
    dry_run          the plan, and what generation will take
    estimate         the numbers of that estimate
    estimate_sample  what an earlier run measured
    commands         the commands of `python -m pipeline`
    show             chains and loss masks in the terminal

Not here: what a stage does (`stage.py` in the stage's own room).
"""
