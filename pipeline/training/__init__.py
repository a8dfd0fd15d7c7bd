"""Training: Ray Train with DeepSpeed around TRL's trainers, resumable.

    stage           the stage `train`: runs each of `train.stages` from the driver
    worker          the training loop of one worker
    dataset         tokenized rows with loss masks
    arguments       the recipe as TRL's and DeepSpeed's arguments
    sft, dpo        TRL's trainers with our masks and shared prefixes; DPO-positive
    packing         packs a micro batch so that it contains shared prefixes once
    prefix_sharing  runs the model on packed batches
    callback        metrics from the workers to the driver
    monitoring      curves, warnings and the live line
    checkpoints     the files of a training stage, and whether it can resume
    local_scratch   temporary folders on a node's own disk
    export          the finished model

Not here: which tokens are trained (`pipeline.agent.loss_masks`), rounds (`pipeline.run.rounds`).
"""
