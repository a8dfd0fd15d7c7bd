"""Training: Ray Train with DeepSpeed around TRL's trainers, resumable.

    stage           the stage `train`: each of `train.stages` in turn, followed from the driver
    worker          the training loop of one worker
    dataset         rows of tokens with loss masks
    arguments       the recipe as TRL's and DeepSpeed's arguments
    sft, dpo        TRL's trainers with our masks and shared prefixes; DPO-positive
    packing         a micro batch laid out so that shared prefixes stand once
    prefix_sharing  the model's side of it
    callback        metrics from the workers to the driver
    monitoring      curves, warnings and the live line
    checkpoints     what training resumes from
    local_scratch   a worker's files on its own disk
    export          the finished model

Not here: which tokens are trained (`pipeline.agent.loss_masks`), rounds (`pipeline.run.rounds`).
"""
