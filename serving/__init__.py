"""A Ray Serve application: the student next to its functions.

http.py         HTTP routes over a `Service`
chat.py         the accepted chat completion requests
protection.py   ASGI middleware: bearer keys, loopback, body size
solve.py        a problem solved by the agent, as in generation
ingress.py      deployment of the routes, which runs the chains
student.py      deployment of the engine (vLLM)
functions.py    deployment of the function executor
spec.py         the model and the recipe to serve
app.py          the three deployments together; `serving.app:build` for Serve configs
__main__.py     python -m serving up RUN_DIR|MODEL_DIR
"""
