"""Evaluation: each model on the unseen splits, with statistics and a report.

stage        the stage `evaluate`
metrics      accuracies, failures and paired comparisons of evaluated chains
samples      pass@k and majority@k, where problems have several chains
statistics   intervals and tests
report       the table in the terminal
compare      the results of several runs side by side
"""
