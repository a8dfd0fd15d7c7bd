"""Evaluation: each model on the unseen splits, with statistics and a report.

stage        the stage `evaluate`
metrics      accuracies, failures and paired comparisons of evaluated chains
statistics   intervals and tests
report       the table in the terminal
"""
