#!/usr/bin/env bash
# Runs every test but the long ones and those for GPUs, in two lanes side by side: tests that start
# engines, trainings or services, which mostly wait for processes, and all others.
#
# The first lane's output appears when it has ended. Exit code: 0 both lanes passed; 1 one did not.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=.venv/bin/python
readonly ENGINES="(vllm or train or serve or browser)"
readonly SHORT="not gpu and not slow"

log=$(mktemp)
"$PYTHON" -m pytest -m "$SHORT and $ENGINES" "$@" >"$log" 2>&1 &
lane=$!
trap 'kill -INT "$lane" 2>/dev/null; wait "$lane"; cat "$log"; rm -f "$log"; exit 130' INT TERM
trap 'rm -f "$log"' EXIT

"$PYTHON" -m pytest -m "$SHORT and not $ENGINES" "$@"
others=$?
wait "$lane"
engines=$?
echo
echo "test: tests that start engines, trainings or services"
cat "$log"
((others == 0 && engines == 0))
