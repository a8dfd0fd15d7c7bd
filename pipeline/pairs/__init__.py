"""Pairs: build preference pairs from the judged chains of each problem.

    stage        the stage `pairs`: reads chains, writes pairs and correct chains
    candidates   the chains of one problem, and the draft of a pair
    bearing      whether a correct chain's calls bear on its answer
    strategies   choose which chain is preferred to which, and from which step on
    filters      drop candidates that are not fit for training
    selection    draws strategies by weight, filters, caps, counts every drop
    balance      subsamples the pairs of a run, evenly over tasks, difficulties and failures

All but `stage` is pure: the same chains and seed give the same pairs.

Not here: loss masks (`pipeline.agent.loss_masks`).
"""
