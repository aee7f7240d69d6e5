#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs tests under a sanitizer, in a build directory of its own:
#
#   Tests/sanitize.sh thread [REGEX]     data races; default: the server, the cache and what they share between threads
#   Tests/sanitize.sh address [REGEX]    memory errors; default: all modules, without the tests of the whole program
#
# Ends with a status other than 0 at the first finding. Left out are tests of glibc's own memory statistics, since a sanitizer
# replaces the allocator that counts, and tests that expect a signal, which AddressSanitizer turns into an exit.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-}
statistics='theStatusOfAReachableBackend|theSystemIsThatOfThisProcess'
preload=
case $kind in
thread)
    tests=${2:-HTTPServerTests|KESFrontTests|AdminAPITests|CachedKeyService|LinuxTests|LockedMemoryTests|AgentTests}
    skipped=$statistics
    ;;
address)
    tests=${2:-.}
    skipped="$statistics|LockedRegionTests|IntegrationTests|FakeKESTests|Simulation"
    ;;
*)
    echo "usage: Tests/sanitize.sh thread|address [REGEX]" >&2
    exit 64
    ;;
esac

build=.build-$kind
mkdir -p "$build"
swift build --build-tests --quiet --sanitize="$kind" --scratch-path "$build"
if [ "$kind" = thread ]; then
    "$(dirname "$(readlink -f "$(command -v swift)")")/clang" -Wall -Werror -O1 -fPIC -shared \
        -o "$build/libtsan-mutex.so" Tests/ThreadSanitizer/mutex.c
    preload=$PWD/$build/libtsan-mutex.so
fi

# AddressSanitizer takes for leaks what the Swift runtime keeps to the end.
export ASAN_OPTIONS="detect_leaks=0 ${ASAN_OPTIONS:-}"
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS:-}"
LD_PRELOAD=$preload exec swift test --skip-build --no-parallel --sanitize="$kind" --scratch-path "$build" \
    --filter "$tests" --skip "$skipped"
