# SPDX-License-Identifier: Apache-2.0
#
# For the scripts of this directory: runs steps, counts them, and sums up.

set -o pipefail
export WARNINGS_AS_ERRORS=1
# The backtracer keeps the pipes of a test that is meant to crash.
export SWIFT_BACKTRACE=enable=no
passed=0
failed=0
failures="" # What the steps that failed said of it; repeated at the end, where it is found in a long output.
output="$(mktemp)"
trap 'rm -f "$output"' EXIT

step() { # name, command …
    local name="$1" began=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@" 2>&1 | tee "$output"; then
        passed=$((passed + 1))
        printf '== %s: passed in %d s\n' "$name" $((SECONDS - began))
    else
        failed=$((failed + 1))
        failures+="
== $name:
$(reasons)
"
        printf '== %s: FAILED after %d s\n' "$name" $((SECONDS - began))
    fi
}

reasons() { # The lines that name a fault; where there are none, the last ones.
    grep -aE -A 2 '✘|error:|ERROR: |Fatal error|unexpected signal' "$output" | cut -c1-500 | head -n 60 | grep . || tail -n 20 "$output"
}

finish() {
    [ "$failed" -eq 0 ] || printf '\nWhat failed:\n%s' "$failures"
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
}
