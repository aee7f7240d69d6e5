#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A decrypt that the cache answers over TLS, beside nginx with the same certificate and `return 200`, by turns; both answer
# with bodies of the same length, and over HTTP/1.1 with heads of the same length. Asked by h2load, and by a client of Go's
# net/http (go-client), which sends each frame in a TLS record of its own, and every body without its length.
#
#   REQUESTS      for each measurement [100000]; a fifth with one in flight, a fourth by Go's client
#   ROWS          what is measured, of [h1:1 h1:8 h1:64 h2:1x1 h2:8x1 h2:1x8 h2:8x8 h2:64x8 go1:8 go2:1 go2:8 go2:32 go2:64]:
#                 h2load with so many connections (times streams), Go's client with so many requests at a time
#   NGINX_PORT    [17373]
#
# CPU is that of the server's threads, kernel included, for each request; the handshakes are in it. common.sh has the
# other variables. Not a test: nothing passes or fails.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
REQUESTS=${REQUESTS:-100000}
ROWS=${ROWS:-h1:1 h1:8 h1:64 h2:1x1 h2:8x1 h2:1x8 h2:8x8 h2:64x8 go1:8 go2:1 go2:8 go2:32 go2:64}
NGINX_PORT=${NGINX_PORT:-17373}

need h2load nghttp2-client
need nginx nginx-light
need curl curl
need gcc gcc
need go golang-go
agent_binary=${KEYSIDE_BINARY:-$(built keyside)}
unset KEYSIDE_BINARY # The agent would take it for a setting.
server_binary=${FAKE_KES_BINARY:-$(built keyside-fake-kes)}
path=/v1/key/decrypt/my-key

# Clients.
gcc -O2 -Wall -Werror -shared -fPIC -o "$scratch/client-certificate.so" Tests/Benchmarks/client-certificate.c
GOCACHE=$scratch/go-cache GO111MODULE=off go build -o "$scratch/go-client" Tests/Benchmarks/go-client/main.go
mkdir "$scratch/bin"
cat >"$scratch/bin/h2load" <<END
#!/bin/sh
export CLIENT_CERT=$scratch/client.crt CLIENT_KEY=$scratch/client.key LD_PRELOAD=$scratch/client-certificate.so
exec $(command -v h2load) "\$@"
END
chmod +x "$scratch/bin/h2load"
PATH=$scratch/bin:$PATH

# Certificates, and who may ask.
"$agent_binary" tls init "$scratch/listener" >/dev/null
identity=$("$agent_binary" identity new --cert "$scratch/client.crt" --private-key "$scratch/client.key" | sed "s/.* //")
cat >"$scratch/config.yaml" <<END
tls: {listen: "127.0.0.1:0", cert: $scratch/listener/server.crt, key: $scratch/listener/server.key}
policy: {store: {allow: [/v1/key/generate/*, /v1/key/decrypt/*, /v1/status], identities: [$identity]}}
END
credentials=(-cert "$scratch/client.crt" -key "$scratch/client.key" -ca "$scratch/listener/ca.crt")

# Servers.
start server "$SERVER_CPUS" "$server_binary" --listen 127.0.0.1:0 --tls "$scratch/tls" --threads 1
await "the server" grep -q KEY_FILE= "$scratch/server.out"
mapfile -t variables < <(grep '^MINIO_KMS_' "$scratch/server.out")
start agent "$AGENT_CPUS" env "${variables[@]}" "$agent_binary" run --config "$scratch/config.yaml" --socket "$scratch/agent.sock"
agent=$started
await "the agent" curl -sf --unix-socket "$scratch/agent.sock" http://agent/v1/ready
agent_url=https://$(sed -n 's/.*tls=\([^ ]*\).*/\1/p' "$scratch/agent.err")$path
nginx_url=https://127.0.0.1:$NGINX_PORT$path

# ask URL: the whole answer over HTTP/1.1, head included; the second, so that a cache can have it.
ask() {
    local turn
    for turn in 1 2; do
        curl -sf -i --http1.1 --data-binary "@$scratch/body.json" --cacert "$scratch/listener/ca.crt" \
            --cert "$scratch/client.crt" --key "$scratch/client.key" "$1" >"$scratch/answer"
    done
    cat "$scratch/answer"
}

# start_nginx [DIRECTIVE]
start_nginx() {
    cat >"$scratch/nginx.conf" <<END
worker_processes 1; daemon off; master_process off; pid $scratch/nginx.pid; error_log $scratch/nginx.err crit;
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 1000000000; server_tokens off;
    server {
        listen 127.0.0.1:$NGINX_PORT ssl http2 backlog=4096;
        ssl_certificate $scratch/listener/server.crt; ssl_certificate_key $scratch/listener/server.key;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_verify_client optional_no_ca;
        location / { default_type application/json; ${1:-} return 200 '$body\n'; }
    }
}
END
    start nginx "$AGENT_CPUS" nginx -c "$scratch/nginx.conf"
    nginx=$started
    await nginx curl -sf --cacert "$scratch/listener/ca.crt" "https://127.0.0.1:$NGINX_PORT/"
}
answer=$(ask "$agent_url")
body=$(sed '1,/^\r$/d' <<<"$answer")
start_nginx
missing=$((${#answer} + 1 - $(ask "$nginx_url" | wc -c) - 8)) # Without what a header itself has: `X-P: ` and its end, with a letter.
if [ "$missing" -ge 0 ]; then
    stop "$nginx"
    start_nginx "add_header X-P x$(printf "%${missing}s" '' | tr ' ' x);"
fi

# measure URL PROCESS ROW: p50, p99 and processor time, in microseconds.
measure() {
    local url=$1 process=$2 kind=${3%%:*} shape=${3#*:} count=$REQUESTS before latencies
    if [ "$shape" = 1 ] || [ "$shape" = 1x1 ]; then count=$((REQUESTS / 5)); fi
    before=$(nanoseconds "$process")
    case $kind in
    h1) latencies=$(load "$count" --h1 -c "$shape" "$url") ;;
    h2) latencies=$(load "$count" -c "${shape%x*}" -m "${shape#*x}" "$url") ;;
    go*)
        count=$((count / 4))
        latencies=$(taskset -c "$LOAD_CPUS" "$scratch/go-client" "${credentials[@]}" -body "$scratch/body.json" \
            -http "${kind#go}" -n "$count" -c "$shape" -url "$url")
        ;;
    esac
    echo "$latencies" "$(awk -v spent=$(($(nanoseconds "$process") - before)) -v count="$count" \
        'BEGIN { printf "%.2f", spent / 1000 / count }')"
}

# agreed NAME: protocol, cipher and length of its answer to Go's client.
agreed() {
    local url=$1_url
    "$scratch/go-client" "${credentials[@]}" -body "$scratch/body.json" -describe -url "${!url}"
}

printf 'both on CPU %s, the key server and the load on %s; medians of %s runs\nnginx: %s; agent: %s; heads and all over HTTP/1.1: %s and %s bytes\n\n' \
    "$AGENT_CPUS" "$LOAD_CPUS" "$RUNS" "$(agreed nginx)" "$(agreed agent)" \
    "$(ask "$nginx_url" | wc -c)" "$(ask "$agent_url" | wc -c)"
printf '%-10s%12s%12s%12s%12s%12s%12s%12s\n' '' 'nginx p50' 'p99 µs' 'CPU µs' 'agent p50' 'p99 µs' 'CPU µs' 'to nginx'
for row in $ROWS; do
    rm -f "$scratch"/*.runs
    # By turns, so that whatever else the machine does meets both.
    for run in $(seq "$RUNS"); do
        measure "$nginx_url" "$nginx" "$row" >>"$scratch/nginx.runs"
        measure "$agent_url" "$agent" "$row" >>"$scratch/agent.runs"
    done
    # column NAME NUMBER: a median.
    column() { awk -v column="$2" '{print $column}' "$scratch/$1.runs" | median; }
    printf '%-10s' "$row"
    for name in nginx agent; do
        for number in 1 2 3; do printf '%12s' "$(column $name $number)"; done
    done
    awk -v own="$(column agent 3)" -v nginx="$(column nginx 3)" 'BEGIN { printf "%12.2f\n", own / nginx }'
done

printf '\nX-Keyside-Cache of the agent: %s\n' \
    "$(ask "$agent_url" | tr -d '\r' | awk -F': ' 'tolower($1) == "x-keyside-cache" {print $2; found = 1} END {if (!found) print "none"}')"
