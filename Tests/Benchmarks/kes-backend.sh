#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the agent adds to a decrypt that its key server answers: the same client at the agent and directly at the server,
# both HTTP versions, 0 and 2 ms in the server, 1, 8 and 64 requests in flight. Then a soak.
#
#   REQUESTS      for each measurement [20000; a tenth of it at 1 in flight]
#   SOAK          requests of the soak [500000]; 0: none
#
# common.sh has the other variables. Not a test: nothing passes or fails.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
REQUESTS=${REQUESTS:-20000}
SOAK=${SOAK:-500000}

need h2load nghttp2-client
need curl curl
agent_binary=${KEYSIDE_BINARY:-$(built keyside)}
unset KEYSIDE_BINARY # The agent would take it for a setting.
server_binary=${FAKE_KES_BINARY:-$(built keyside-fake-kes)}
socket=$scratch/keyside.sock
path=/v1/key/decrypt/my-key

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

# measure NAME COUNT ARGUMENTS…: one line of medians.
measure() {
    local name=$1 count=$2 run agent_ticks server_ticks latencies
    shift 2
    for run in $(seq "$RUNS"); do
        agent_ticks=$(ticks "$agent")
        server_ticks=$(ticks "$server")
        latencies=$(load "$count" "$@")
        echo "$latencies $(microseconds $(($(ticks "$agent") - agent_ticks)) "$count")" \
            "$(microseconds $(($(ticks "$server") - server_ticks)) "$count")"
    done >"$scratch/runs"
    printf '%-8s' "$name"
    for column in 1 2 3 4; do printf '%12s' "$(awk -v column="$column" '{print $column}' "$scratch/runs" | median)"; done
    printf '\n'
}

printf 'agent on CPU %s, server on %s, load from %s; medians of %s runs\n' \
    "$AGENT_CPUS" "$SERVER_CPUS" "$LOAD_CPUS" "$RUNS"
for delay in 0ms 2ms; do
    start_server "$delay"
    for version in 1.1 2; do
        start_agent "$version"
        for in_flight in 1 8 64; do
            count=$REQUESTS
            if [ "$in_flight" -eq 1 ]; then count=$((REQUESTS / 10)); fi
            direct=(-c "$in_flight" --h1)
            if [ "$version" = 2 ]; then direct=(-c 1 -m "$in_flight"); fi
            load $((count / 10)) -c "$in_flight" --h1 -B "unix:$socket" "http://agent$path" >/dev/null # Connections.
            printf '\nHTTP/%s, %s in the server, %s in flight\n' "$version" "$delay" "$in_flight"
            printf '%-8s%12s%12s%12s%12s\n' '' 'p50 µs' 'p99 µs' 'agent µs' 'server µs'
            measure direct "$count" "${direct[@]}" "$endpoint$path"
            measure agent "$count" -c "$in_flight" --h1 -B "unix:$socket" "http://agent$path"
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
