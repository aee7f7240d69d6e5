#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the agent adds to a decrypt that its key server answers, with the cache off: the same client at the agent and
# directly at the server, and, for the processor's time, libcurl alone (libcurl.c) at the server, by turns. Then a soak.
#
#   REQUESTS      for each measurement [20000; a tenth of it at 1 in flight]
#   IN_FLIGHT     how many at a time [1 8 64]
#   DELAYS        how long the server takes [0ms 2ms]
#   VERSIONS      of HTTP, to the server [1.1 2]
#   SOAK          requests of the soak [500000]; 0: none
#
# common.sh has the other variables. Not a test: nothing passes or fails.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
REQUESTS=${REQUESTS:-20000}
IN_FLIGHT=${IN_FLIGHT:-1 8 64}
DELAYS=${DELAYS:-0ms 2ms}
VERSIONS=${VERSIONS:-1.1 2}
SOAK=${SOAK:-500000}

need h2load nghttp2-client
need curl curl
need gcc gcc
agent_binary=${KEYSIDE_BINARY:-$(built keyside)}
unset KEYSIDE_BINARY # The agent would take it for a setting.
server_binary=${FAKE_KES_BINARY:-$(built keyside-fake-kes)}
socket=$scratch/keyside.sock
path=/v1/key/decrypt/my-key
gcc -O2 -Wall -Werror -o "$scratch/libcurl" Tests/Benchmarks/libcurl.c -lcurl

# start_server DELAY
start_server() {
    local options=(--listen 127.0.0.1:0 --tls "$scratch/tls" --threads 1 --skip-auth)
    if [ "$1" != 0ms ]; then options+=(--delay "$1"); fi
    start server "$SERVER_CPUS" "$server_binary" "${options[@]}"
    server=$started
    await "the server" grep -q KEY_FILE= "$scratch/server.out"
    endpoint=$(sed -n 's/^MINIO_KMS_KES_ENDPOINT=//p' "$scratch/server.out")
}

# start_agent HTTP_VERSION
start_agent() {
    local variables
    mapfile -t variables < <(grep '^MINIO_KMS_' "$scratch/server.out")
    start agent "$AGENT_CPUS" env "${variables[@]}" KEYSIDE_CACHE_EXPIRY_ANY=0 KEYSIDE_UPSTREAM_HTTP="$1" "$agent_binary" run --socket "$socket"
    agent=$started
    await "the agent" curl -sf --unix-socket "$socket" http://agent/v1/ready
}

# measure NAME COUNT COMMAND…: has the command, which prints p50 and p99, make that many requests, and notes the figures.
measure() {
    local name=$1 count=$2 agent_before server_before latencies
    shift 2
    agent_before=$(nanoseconds "$agent")
    server_before=$(nanoseconds "$server")
    latencies=$("$@")
    echo "$latencies $(microseconds $(($(nanoseconds "$agent") - agent_before)) "$count")" \
        "$(microseconds $(($(nanoseconds "$server") - server_before)) "$count")" >>"$scratch/$name.runs"
}

# libcurl COUNT IN_FLIGHT VERSION: the processor's time of libcurl alone, in place of the agent's.
libcurl() {
    local tls=$scratch/tls microseconds
    microseconds=$(taskset -c "$AGENT_CPUS" "$scratch/libcurl" "$endpoint$path" "$tls/client.crt" "$tls/client.key" \
        "$tls/ca.crt" "$scratch/body.json" "$1" "$2" "$3")
    echo "- - $microseconds -" >>"$scratch/libcurl.runs"
}

# report NAME: a line of medians.
report() {
    printf '%-8s' "$1"
    for column in 1 2 3 4; do printf '%12s' "$(awk -v column="$column" '{print $column}' "$scratch/$1.runs" | median)"; done
    printf '\n'
}

printf 'agent and libcurl on CPU %s, server on %s, load from %s; medians of %s runs\n' \
    "$AGENT_CPUS" "$SERVER_CPUS" "$LOAD_CPUS" "$RUNS"
for delay in $DELAYS; do
    start_server "$delay"
    for version in $VERSIONS; do
        start_agent "$version"
        for in_flight in $IN_FLIGHT; do
            count=$REQUESTS
            if [ "$in_flight" -eq 1 ]; then count=$((REQUESTS / 10)); fi
            direct=(-c "$in_flight" --h1)
            if [ "$version" = 2 ]; then direct=(-c 1 -m "$in_flight"); fi
            through_agent=(-c "$in_flight" --h1 -B "unix:$socket")
            load $((count / 10)) "${through_agent[@]}" "http://agent$path" >/dev/null # Connections.
            rm -f "$scratch"/*.runs
            for run in $(seq "$RUNS"); do
                measure direct "$count" load "$count" "${direct[@]}" "$endpoint$path"
                libcurl "$count" "$in_flight" "$version"
                measure agent "$count" load "$count" "${through_agent[@]}" "http://agent$path"
            done
            printf '\nHTTP/%s, %s in the server, %s in flight\n' "$version" "$delay" "$in_flight"
            printf '%-8s%12s%12s%12s%12s\n' '' 'p50 µs' 'p99 µs' 'CPU µs' 'server µs'
            for name in direct libcurl agent; do report "$name"; done
        done
        stop "$agent"
    done
    stop "$server"
done

[ "$SOAK" -gt 0 ] || exit 0

# state WHAT: what the agent holds.
state() {
    printf '%-8s%12s%12s\n' "$1" "$(awk '/^VmRSS/ {print $2}' "/proc/$agent/status")" "$(ls "/proc/$agent/fd" | wc -l)"
}

start_server 0ms
for version in 1.1 2; do
    start_agent "$version"
    printf '\nsoak of %s requests over HTTP/%s\n%-8s%12s%12s\n' "$SOAK" "$version" '' 'RSS KiB' 'descriptors'
    load $((SOAK / 50)) -c 64 --h1 -B "unix:$socket" "http://agent$path" >/dev/null
    state before
    load "$SOAK" -c 64 --h1 -B "unix:$socket" "http://agent$path" >/dev/null
    state after
    stop "$agent"
done
