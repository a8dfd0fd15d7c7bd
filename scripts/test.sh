#!/usr/bin/env bash
# Runs every test but the long ones and those for GPUs, in two lanes side by side: tests that start
# processes of Ray, vLLM, Serve or training, one after the other, and all others beside them.
#
# The second lane's output appears when the first has ended. Exit code: 0 all passed; 1 one failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SHORT="not gpu and not slow"
readonly HEAVY="(ray or vllm or train or serve or browser)"

run() { .venv/bin/python -m pytest --durations=25 --durations-min=2 -m "$@"; }

log=$(mktemp)
run "$SHORT and not $HEAVY" >"$log" 2>&1 &
lane=$!
trap 'kill -INT "$lane" 2>/dev/null; wait "$lane"; cat "$log"; rm -f "$log"; exit 130' INT TERM
trap 'rm -f "$log"' EXIT

run "$SHORT and $HEAVY"
heavy=$?
wait "$lane"
others=$?
cat "$log"
((heavy == 0 && others == 0))
