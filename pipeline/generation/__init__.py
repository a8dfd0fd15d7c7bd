"""Generation: turns tasks into judged chains, on Ray Data.

    stage            the stage `generate`
    tasks            one task per problem, model and sample, with id and seed
    blocks           files of tasks; each block becomes one file of chains
    ray_job          Ray Data over the unfinished blocks
    actor            one engine, one executor, many concurrent chains
    vllm_engine      implements the driver's engine protocol with vLLM
    endpoint         makes chains with an OpenAI-compatible server
    completion       reads a chat completion as servers write it
    admission        limits the concurrent chains of an actor
    outage           pauses an actor whose engine fails every request
    pool             size and placement of the actor pool; a recipe's requirements on the cluster
    usage, telemetry counts for run.json and for Prometheus
    outcomes         counts read from the files of chains
    continuations    tasks in which the teacher continues the student's chains
    synthetic_stage  synthetic problems: written by a model, verified and stored
    prepared         a recipe with everything that its stages need

Not here: one chain (`pipeline.agent.driver`).
"""
