"""The student's training: Ray Train with DeepSpeed around TRL's trainers, resumable.

    stage            the stage `train`: each of `train.stages` in turn, followed from the driver
    loop             what one worker does
    data, arguments  the rows, and the recipe, as the trainers take them
    dpo, losses      TRL's DPO trainer with our masks, DPO-positive
    prefix_sharing   what a pair's two sides have in common is computed once
    reporter, curves metrics from worker to driver, what is drawn and said of them
    checkpoints      what can be gone on from
    export           the finished model

Not here: which tokens are trained (`pipeline.masks`), rounds (`pipeline.rounds`).
"""
