#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A decrypt that the cache answers, beside the least that any server on a Unix socket does (floor.c) and nginx with
# `return 200`, by turns; all three answer with the same number of bytes. An agent without a cache is measured as it is:
# the last line says where its answers came from.
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
need gcc gcc
agent_binary=${KEYSIDE_BINARY:-$(built keyside)}
unset KEYSIDE_BINARY # The agent would take it for a setting.
server_binary=${FAKE_KES_BINARY:-$(built keyside-fake-kes)}
path=/v1/key/decrypt/my-key

gcc -O2 -Wall -Werror -o "$scratch/floor" Tests/Benchmarks/floor.c

start server "$SERVER_CPUS" "$server_binary" --listen 127.0.0.1:0 --tls "$scratch/tls" --threads 1
await "the server" grep -q KEY_FILE= "$scratch/server.out"
mapfile -t variables < <(grep '^MINIO_KMS_' "$scratch/server.out")
start agent "$AGENT_CPUS" env "${variables[@]}" "$agent_binary" run --socket "$scratch/agent.sock"
agent=$started
await "the agent" curl -sf --unix-socket "$scratch/agent.sock" http://agent/v1/ready

# ask NAME: its whole answer, head included; the second, so that a cache can have it.
ask() {
    local turn
    for turn in 1 2; do
        curl -sf -i --data-binary "@$scratch/body.json" --unix-socket "$scratch/$1.sock" "http://$1$path" >"$scratch/$1.answer"
    done
    cat "$scratch/$1.answer"
}

# The agent's answer is the floor's, and nginx's is filled up to its length where it is shorter.
ask agent >"$scratch/constant"
byte_count=$(wc -c <"$scratch/constant")
body=$(sed '1,/^\r$/d' "$scratch/constant")
start floor "$AGENT_CPUS" "$scratch/floor" "$scratch/floor.sock" "$scratch/constant"
floor=$started

# write_nginx_configuration [DIRECTIVE]
write_nginx_configuration() {
    cat >"$scratch/nginx.conf" <<END
worker_processes 1; daemon off; master_process off; pid $scratch/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 1000000000; server_tokens off;
    server {
        listen unix:$scratch/nginx.sock;
        location / { default_type application/json; ${1:-} return 200 '$body\n'; }
    }
}
END
}
start_nginx() {
    rm -f "$scratch/nginx.sock"
    start nginx "$AGENT_CPUS" nginx -c "$scratch/nginx.conf"
    nginx=$started
    await nginx curl -sf --unix-socket "$scratch/nginx.sock" http://nginx/
}
write_nginx_configuration
start_nginx
missing=$((byte_count - $(ask nginx | wc -c) - 8)) # Without what a header itself has: `X-P: ` and its end, with a letter.
if [ "$missing" -ge 0 ]; then
    stop "$nginx"
    write_nginx_configuration "add_header X-P x$(printf "%${missing}s" '' | tr ' ' x);"
    start_nginx
fi

printf 'all on CPU %s, the key server on %s, load from %s; medians of %s runs; answers of %s, %s and %s bytes\n\n' \
    "$AGENT_CPUS" "$SERVER_CPUS" "$LOAD_CPUS" "$RUNS" \
    "$(ask floor | wc -c)" "$(ask nginx | wc -c)" "$(ask agent | wc -c)"
printf '%-12s%-8s%10s%10s%10s%12s%12s\n' connections '' 'p50 µs' 'p99 µs' 'CPU µs' 'to nginx' 'to floor'
for connections in $CONNECTIONS; do
    rm -f "$scratch"/*.runs
    # By turns, so that whatever else the machine does meets all three.
    for run in $(seq "$RUNS"); do
        for name in floor nginx agent; do
            before=$(nanoseconds "${!name}")
            latencies=$(load "$REQUESTS" --h1 -c "$connections" -B "unix:$scratch/$name.sock" "http://$name$path")
            echo "$latencies $(microseconds $(($(nanoseconds "${!name}") - before)) "$REQUESTS")" >>"$scratch/$name.runs"
        done
    done
    # column NAME NUMBER: a median.
    column() { awk -v column="$2" '{print $column}' "$scratch/$1.runs" | median; }
    for name in floor nginx agent; do
        printf '%-12s%-8s%10s%10s%10s' "$connections" "$name" "$(column $name 1)" "$(column $name 2)" "$(column $name 3)"
        awk -v own="$(column $name 3)" -v nginx="$(column nginx 3)" -v floor="$(column floor 3)" \
            'BEGIN { printf "%12.2f%12.2f\n", own / nginx, own / floor }'
    done
done

printf '\nX-Keyside-Cache of the agent: %s\n' \
    "$(ask agent | tr -d '\r' | awk -F': ' 'tolower($1) == "x-keyside-cache" {print $2; found = 1} END {if (!found) print "none"}')"
