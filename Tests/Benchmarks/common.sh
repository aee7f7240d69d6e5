# SPDX-License-Identifier: Apache-2.0
#
# What the benchmarks share: programs to measure, where they run, and how load is made and counted. Sourced.
#
#   RUNS          how often each is measured; medians are printed [5]
#   AGENT_CPUS    where the agent runs, as taskset takes it
#   SERVER_CPUS   where what it is compared with, or what it asks, runs
#   LOAD_CPUS     where the load is made
#   KEYSIDE_BINARY, FAKE_KES_BINARY   built here if not given
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

RUNS=${RUNS:-5}
AGENT_CPUS=${AGENT_CPUS:-0}
if [ "$(nproc)" -gt 2 ]; then
    SERVER_CPUS=${SERVER_CPUS:-1}
    LOAD_CPUS=${LOAD_CPUS:-2}
else
    SERVER_CPUS=${SERVER_CPUS:-$((($(nproc) - 1)))}
    LOAD_CPUS=${LOAD_CPUS:-$((($(nproc) - 1)))}
fi

# The known vector: it opens under the key 00 … 1f.
CIPHERTEXT=e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUyoKGio6SlpqeoqaqrrK2ur8DBwsPExcbHyMnKyw==
KNOWN_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=

scratch=$(mktemp -d)
children=()
finish() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT
printf '{"ciphertext":"%s","context":"eyJidWNrZXQiOiJidWNrZXQvb2JqZWN0In0="}' "$CIPHERTEXT" >"$scratch/body.json"

# need COMMAND PACKAGE: installs what is missing.
need() {
    command -v "$1" >/dev/null && return
    echo "installing: $2" >&2
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

# built PRODUCT: the path of its release build.
built() {
    swift build -c release --product "$1" >&2
    echo "$(swift build -c release --show-bin-path)/$1"
}

# start NAME CPUS COMMAND…: starts a program in the background; its process is in $started, its output in files.
start() {
    local name=$1 cpus=$2
    shift 2
    taskset -c "$cpus" "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" &
    started=$!
    children+=("$started")
}

# stop PROCESS: ends it and waits for its end.
stop() {
    kill "$1"
    wait "$1" 2>/dev/null || true
}

# await WHAT COMMAND…: waits until the command succeeds.
await() {
    local what=$1 turn
    shift
    for turn in $(seq 1000); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.02
    done
    echo "error: $what does not come up:" >&2
    cat "$scratch"/*.err >&2
    exit 1
}

# nanoseconds PROCESS: the processor time that it took, all threads together. Those of /proc/PID/stat are 10 ms each.
nanoseconds() { cat "/proc/$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

# microseconds NANOSECONDS COUNT: so much each.
microseconds() { awk -v nanoseconds="$1" -v count="$2" 'BEGIN { printf "%.2f", nanoseconds / 1000 / count }'; }

# load COUNT ARGUMENTS…: has h2load ask COUNT times. Prints the medians of latency: p50 and p99 in microseconds.
load() {
    local count=$1 log=$scratch/latencies
    shift
    rm -f "$log"
    taskset -c "$LOAD_CPUS" h2load -n "$count" -d "$scratch/body.json" --log-file="$log" "$@" >"$scratch/h2load.out"
    if ! grep -q "status codes: $count 2xx" "$scratch/h2load.out"; then
        echo "error: not every answer was a success:" >&2
        cat "$scratch/h2load.out" >&2
        exit 1
    fi
    awk '{print $3}' "$log" | sort -n |
        awk '{v[NR] = $1} END { printf "%d %d", v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.5)] }'
}

# median: of the numbers on standard input, one a line.
median() { sort -g | awk '{v[NR] = $1} END { print v[int((NR + 1) / 2)] }'; }
