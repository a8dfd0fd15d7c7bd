"""The student's training: Ray Train with DeepSpeed around TRL's trainers, resumable.

    stage            the stage `train`: each of `train.stages` in turn, followed from the driver
    loop             what one worker does
    data, arguments  the rows, and the recipe, as the trainers take them
    sft, dpo, losses TRL's trainers with our masks and shared prefixes, DPO-positive
    prefix_sharing   what chains have in common is computed once: the model's side of it
    packing          a micro batch laid out for that
    reporter, curves metrics from worker to driver, what is drawn and said of them
    checkpoints      what can be gone on from
    export           the finished model

Not here: which tokens are trained (`pipeline.agent.loss_masks`), rounds (`pipeline.rounds`).
"""
