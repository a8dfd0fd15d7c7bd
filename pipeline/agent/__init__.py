"""The agent: builds prompts, parses replies and decides the next turn.

    agent          the state machine from (chain so far, reply) to (call, next prompt or stop)
    prompt         the text of the prompts; the dialect `inject`
    native         the dialect `native`: the model's own chat template and call format
    examples       few-shot examples, and calls of reference solutions executed for their results
    driver         makes one chain by alternating agent, engine and executor
    transcript     a chain as an append-only token buffer
    chat_template  renders messages with a model's chat template
    loss_masks     which of these tokens are trained on
    verdict        whether a chain's answer is correct, and how it failed

Pure: no Ray, no torch, no vLLM. Engines and executors are protocols here.
"""
