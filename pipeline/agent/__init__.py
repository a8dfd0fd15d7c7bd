"""The agent: what a model reads, what its reply means, and what happens next.

    agent          the state machine from (chain so far, reply) to (call, next prompt or stop)
    prompt         every sentence that a model reads; the dialect `inject`
    native         the dialect that uses the model's own chat template and form of calls
    examples       few-shot examples, and calls of reference solutions executed for their results
    driver         makes one chain: agent, engine and executor take turns
    transcript     a chain as an append-only token buffer
    chat_template  how a model's chat template renders messages
    loss_masks     which of these tokens are trained
    verdict        whether a chain's answer is correct, and what failed

Pure: no Ray, no torch, no vLLM. Engines and executors are protocols here.
"""
