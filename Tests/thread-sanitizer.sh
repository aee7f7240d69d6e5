#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests that many threads take part in under ThreadSanitizer: those of the cache, or with a REGEX those whose
# name matches. Builds in a folder of its own. A data race ends the run, and the status is not 0.
set -euo pipefail
cd "$(dirname "$0")/.."

build=.build-tsan
mkdir -p "$build"
swift build --build-tests --sanitize=thread --scratch-path "$build"
"$(dirname "$(readlink -f "$(command -v swift)")")/clang" -Wall -Werror -O1 -fPIC -shared \
    -o "$build/libtsan-mutex.so" Tests/ThreadSanitizer/mutex.c

export TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS:-}"
LD_PRELOAD="$PWD/$build/libtsan-mutex.so" exec swift test --skip-build --sanitize=thread --scratch-path "$build" \
    --filter "${1:-CachedKeyService}"
