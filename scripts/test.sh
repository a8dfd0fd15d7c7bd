#!/usr/bin/env bash
# Runs every test but the long ones and those for GPUs, in two lanes side by side that take about the
# same time: first, tests that start engines, trainings or services, then those of toolsets/; second,
# all others.
#
# The first lane's output appears when it has ended. Exit code: 0 all passed; 1 a test failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SHORT="not gpu and not slow"
readonly ENGINES="(vllm or train or serve or browser)"
mapfile -t ENGINE_FILES < <(grep -rlE 'mark\.(vllm|train|serve|browser)' tests --include='test_*.py')

run() { .venv/bin/python -m pytest --durations=20 --durations-min=2 "$@"; }

first_lane() {
    local failed=0
    run -m "$SHORT and $ENGINES" "${ENGINE_FILES[@]}" || failed=1
    run -m "$SHORT" tests/toolsets || failed=1
    return "$failed"
}

log=$(mktemp)
first_lane >"$log" 2>&1 &
lane=$!
trap 'kill -INT "$lane" 2>/dev/null; wait "$lane"; cat "$log"; rm -f "$log"; exit 130' INT TERM
trap 'rm -f "$log"' EXIT

run -m "$SHORT and not $ENGINES" --ignore=tests/toolsets
second=$?
wait "$lane"
first=$?
cat "$log"
((first == 0 && second == 0))
