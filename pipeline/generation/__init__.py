"""Generation: tasks to judged chains, on Ray Data.

    stage            the stage `generate`
    tasks            one task per problem, model and sample, with id and seed
    blocks           files of tasks; each block becomes one file of chains
    ray_job          Ray Data over the unfinished blocks
    actor            one engine, one executor, many chains at once
    vllm_engine      vLLM behind the driver's engine protocol
    endpoint         an OpenAI-compatible server behind the driver
    admission        how many chains an actor works on
    pool             size and place of the actor pool; what a recipe requires of the cluster
    usage, telemetry counts for run.json and for Prometheus
    outcomes         counts read back from the files of chains
    continuations    tasks in which the teacher continues the student's chains
    synthetic_stage  problems written by a model, verified and stored
    prepared         a recipe with everything that its stages need

Not here: one chain (`pipeline.agent.driver`).
"""
