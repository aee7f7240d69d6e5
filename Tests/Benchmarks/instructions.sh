#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# How many instructions a decrypt costs the agent, kernel apart: a figure that a busy machine does not move. The agent runs
# under callgrind twice, with few requests and with many; the difference is that of the requests alone.
#
# The last figure in instructions.txt for the same backend is what it is compared with. Whoever changes the figure adds a
# line: `BACKEND: FIGURE  why`.
#
#   BACKEND       kes: behind a key server, where the cache answers [kes]; kes-miss: the same without a cache;
#                 static: a static key
#   FEW, MANY     requests [2000, 12000]
#   FUNCTIONS     how many to list [25]
#
# common.sh has the other variables. Not a test: nothing passes or fails.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
BACKEND=${BACKEND:-kes}
FEW=${FEW:-2000}
MANY=${MANY:-12000}
FUNCTIONS=${FUNCTIONS:-25}
record=Tests/Benchmarks/instructions.txt

need valgrind valgrind
need curl curl
binary=${KEYSIDE_BINARY:-$(built keyside)}
unset KEYSIDE_BINARY # The agent would take it for a setting.
# Debian's valgrind ends at Swift's debug information; the names of functions are enough.
strip --strip-debug -o "$scratch/keyside" "$binary"

case $BACKEND in
static)
    variables=("MINIO_KMS_SECRET_KEY=my-key:$KNOWN_KEY")
    ;;
kes | kes-miss)
    server_binary=${FAKE_KES_BINARY:-$(built keyside-fake-kes)}
    start server "$SERVER_CPUS" "$server_binary" --listen 127.0.0.1:0 --tls "$scratch/tls" --threads 1
    await "the server" grep -q KEY_FILE= "$scratch/server.out"
    mapfile -t variables < <(grep '^MINIO_KMS_' "$scratch/server.out")
    if [ "$BACKEND" = kes-miss ]; then variables+=(KEYSIDE_CACHE_EXPIRY_ANY=0); fi
    ;;
*)
    echo "error: BACKEND is kes, kes-miss or static" >&2
    exit 64
    ;;
esac

# count REQUESTS: has that many answered under callgrind, whose counts are in $scratch/REQUESTS then. Valgrind knows
# neither memfd_secret(2) nor mlock2(2), so the agent is let off locking its memory. Data keys are made first, as many each
# time, and asked for in the same order.
count() {
    start agent "$AGENT_CPUS" env "${variables[@]}" KEYSIDE_MEMORY_ALLOW_UNLOCKED=true \
        valgrind --tool=callgrind --callgrind-out-file="$scratch/$1" "$scratch/keyside" run --socket "$scratch/agent.sock"
    await "the agent" curl -sf --unix-socket "$scratch/agent.sock" http://agent/v1/ready
    taskset -c "$LOAD_CPUS" "$binary" bench --connections 1 --distinct 50 --requests "$1" --output json \
        --socket "$scratch/agent.sock" >"$scratch/$1.json"
    stop "$started"
}
count "$FEW"
count "$MANY"

# total REQUESTS
total() { awk '/^(summary|totals):/ {print $2; exit}' "$scratch/$1"; }
figure=$((($(total "$MANY") - $(total "$FEW")) / (MANY - FEW)))
last=$(awk -v backend="$BACKEND:" '$1 == backend {print $2}' "$record" 2>/dev/null | tail -n 1)
printf '%s: %s instructions a decrypt' "$BACKEND" "$figure"
if [ -n "$last" ]; then
    awk -v last="$last" -v now="$figure" 'BEGIN { printf ", %+d (%+.1f %%) to the %d in instructions.txt", now - last, (now - last) * 100 / last, last }'
fi
printf '; hit ratio %s\n' "$(sed 's/.*"hit_ratio":\([0-9.]*\).*/\1/' "$scratch/$MANY.json")"

# functions REQUESTS INCLUSIVE: instructions and name of each function, one a line.
functions() {
    callgrind_annotate --threshold=100 --auto=no "--inclusive=$2" "$scratch/$1" |
        sed -nE 's/^ *([0-9,]+) (\([^)]*\))? *[^:]*:(.*)$/\1 \3/p' | sed -E 's/^([0-9]*),?([0-9]*),?([0-9]*),?([0-9]*) /\1\2\3\4 /'
}

# per_decrypt INCLUSIVE: the same of one decrypt.
per_decrypt() {
    { functions "$FEW" "$1" | sed 's/^/-/'; functions "$MANY" "$1"; } |
        awk -v count=$((MANY - FEW)) '{
            cost = $1; $1 = ""; costs[$0] += cost
        } END { for (name in costs) if (costs[name] >= count) printf "%.0f%s\n", costs[name] / count, name }' | sort -rn
}
per_decrypt no >"$scratch/exclusive"
per_decrypt yes >"$scratch/inclusive"
printf '\n%9s%9s  %s\n' own 'with its' "of the $FUNCTIONS that do most themselves; callees are in 'with its'"
awk 'NR == FNR { cost = $1; $1 = ""; inclusive[$0] = cost; next }
    { own = $1; $1 = ""; printf "%9d%9d %s\n", own, inclusive[$0], $0 }' "$scratch/inclusive" "$scratch/exclusive" |
    head -n "$FUNCTIONS" | sed -E 's: \[[^]]*/([^]/]*)\]$: [\1]:' | swift demangle --simplified | cut -c 1-160
