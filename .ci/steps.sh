# SPDX-License-Identifier: Apache-2.0
#
# For the scripts of this directory: runs steps, counts them, and sums up.

export WARNINGS_AS_ERRORS=1
# The backtracer keeps the pipes of a test that is meant to crash.
export SWIFT_BACKTRACE=enable=no
passed=0
failed=0

step() { # name, command …
    local name="$1" began=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    if "$@"; then
        passed=$((passed + 1))
        printf '== %s: passed in %d s\n' "$name" $((SECONDS - began))
    else
        failed=$((failed + 1))
        printf '== %s: FAILED after %d s\n' "$name" $((SECONDS - began))
    fi
}

finish() {
    printf '\n%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
}
