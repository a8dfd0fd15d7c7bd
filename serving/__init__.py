"""The student next to its functions, as a Ray Serve application.

http.py         routes, on a `Service`: what they take, what they answer
protection.py   bearer keys, loopback, size of a body: ASGI middleware
solve.py        a problem driven through the agent, as generation drives it
ingress.py      the deployment that holds the routes and drives chains
student.py      the deployment that holds the engine (vLLM)
functions.py    the deployment that holds the executor
spec.py         what is served: a run's student, or a model folder
app.py          the three together, `serving.app:build` for Serve's configs
__main__.py     python -m serving up RUN_DIR|MODEL_DIR
"""
