"""Pairs: a problem's judged chains become preference pairs.

    stage        the stage `pairs`: reads chains, writes pairs and correct chains
    candidates   the chains of one problem, and the draft of a pair
    strategies   which chain is preferred to which, and from which step on
    filters      candidates that are not fit to be learned from
    selection    draws from the strategies by weight, filters, caps, counts every drop
    balance      subsamples the pairs of a run, evenly over tasks, difficulties and failures

All but `stage` is pure: the same chains and seed give the same pairs.

Not here: loss masks (`pipeline.agent.loss_masks`).
"""
