#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A decrypt with a static key beside nginx that answers `return 200` with the same bytes: what the agent costs on top of
# what any server on a Unix socket costs.
#
#   REQUESTS      for each measurement [100000]
#   CONNECTIONS   how many [1 8 64]
#
# common.sh has the other variables. Not a test: nothing passes or fails.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
REQUESTS=${REQUESTS:-100000}
CONNECTIONS=${CONNECTIONS:-1 8 64}

need h2load nghttp2-client
need nginx nginx-light
need curl curl
agent_binary=${KEYSIDE_BINARY:-$(built keyside)}
unset KEYSIDE_BINARY # The agent would take it for a setting.

cat >"$scratch/nginx.conf" <<END
worker_processes 1; daemon off; master_process off; pid $scratch/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 1000000000;
    server {
        listen unix:$scratch/nginx.sock;
        location / {
            default_type application/json;
            return 200 '{"plaintext":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="}\n';
        }
    }
}
END
start nginx "$AGENT_CPUS" nginx -c "$scratch/nginx.conf"
nginx=$started
start agent "$AGENT_CPUS" env MINIO_KMS_SECRET_KEY="my-key:$KNOWN_KEY" "$agent_binary" run --socket "$scratch/agent.sock"
agent=$started
for name in nginx agent; do await "$name" curl -sf --unix-socket "$scratch/$name.sock" http://x/v1/ready; done

printf 'both on CPU %s, load from %s; medians of %s runs\n' "$AGENT_CPUS" "$LOAD_CPUS" "$RUNS"
for connections in $CONNECTIONS; do
    rm -f "$scratch"/*.runs
    # By turns, so that whatever else the machine does meets both.
    for run in $(seq "$RUNS"); do
        for name in nginx agent; do
            before=$(nanoseconds "${!name}")
            latencies=$(load "$REQUESTS" --h1 -c "$connections" -B "unix:$scratch/$name.sock" http://x/v1/key/decrypt/my-key)
            echo "$latencies $(microseconds $(($(nanoseconds "${!name}") - before)) "$REQUESTS")" >>"$scratch/$name.runs"
        done
    done
    printf '\n%s connections\n%-8s%12s%12s%12s\n' "$connections" '' 'p50 µs' 'p99 µs' 'CPU µs'
    for name in nginx agent; do
        printf '%-8s' "$name"
        for column in 1 2 3; do
            printf '%12s' "$(awk -v column="$column" '{print $column}' "$scratch/$name.runs" | median)"
        done
        printf '\n'
    done
done
