#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds Keyside, starts an agent with a static key in a temporary directory, and shows what it does. Exits with 0 only if
# every step succeeded. A second run takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

packaging/install-build-dependencies.sh
echo "building (some minutes the first time) ..."
swift build -c release --static-swift-stdlib --product keyside --quiet
keyside="$(swift build -c release --static-swift-stdlib --show-bin-path)/keyside"

directory="$(mktemp -d)"
agent=
finish() {
    [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
    rm -rf "$directory"
}
trap finish EXIT

fail() {
    echo "FAILED: $1" >&2
    [ ! -s "$directory/log" ] || sed 's/^/  log: /' "$directory/log" >&2
    exit 1
}
show() { printf '\n$ %s\n' "$1"; }
field() { sed -n "s/^$1: //p"; }

# The agent must not read the variables of an object store on this machine. Its key is new.
for variable in "${!MINIO_KMS_@}" "${!KEYSIDE_@}" MINIO_CONFIG_ENV_FILE; do unset "$variable"; done
key_name=my-key
MINIO_KMS_SECRET_KEY="$key_name:$(head -c 32 /dev/urandom | base64)"
export MINIO_KMS_SECRET_KEY
export KEYSIDE_SOCKET="$directory/keyside.sock"

show "keyside run --socket $KEYSIDE_SOCKET &"
"$keyside" run --socket "$KEYSIDE_SOCKET" 2>"$directory/log" &
agent=$!
unset MINIO_KMS_SECRET_KEY
for _ in $(seq 200); do
    "$keyside" status --check && break
    kill -0 "$agent" 2>/dev/null || fail "the agent did not start"
    sleep 0.05
done
"$keyside" status --check || fail "the agent is not ready"
cat "$directory/log"

context="$(printf '{"bucket":"bucket/object"}' | base64)"
show "keyside key generate $key_name --context $context"
generated="$("$keyside" key generate "$key_name" --context "$context")" || fail "no data key was generated"
echo "$generated"
plaintext="$(field plaintext <<<"$generated")"
ciphertext="$(field ciphertext <<<"$generated")"

show "keyside key decrypt $key_name $ciphertext --context $context"
decrypted="$("$keyside" key decrypt "$key_name" "$ciphertext" --context "$context")" || fail "the data key was not decrypted"
echo "$decrypted"
[ -n "$plaintext" ] && [ "$decrypted" = "plaintext: $plaintext" ] || fail "decrypting gave another key"

show "keyside key decrypt $key_name $ciphertext    # without the context"
if "$keyside" key decrypt "$key_name" "$ciphertext" 2>"$directory/refusal"; then fail "a wrong context was accepted"; fi
cat "$directory/refusal"
grep -q 'ciphertext is not authentic' "$directory/refusal" || fail "a wrong context was refused for another reason"

if command -v curl >/dev/null; then
    show "curl --unix-socket \$KEYSIDE_SOCKET -d '{\"ciphertext\":\"…\",\"context\":\"…\"}' http://localhost/v1/key/decrypt/$key_name"
    answer="$(curl -sS --fail --unix-socket "$KEYSIDE_SOCKET" \
        --data-binary "{\"ciphertext\":\"$ciphertext\",\"context\":\"$context\"}" \
        "http://localhost/v1/key/decrypt/$key_name")" || fail "curl got no answer"
    echo "$answer"
    [ "$answer" = "{\"plaintext\":\"$plaintext\"}" ] || fail "curl got another key"
fi

show "keyside status"
status="$("$keyside" status)" || fail "there is no status"
echo "$status"
grep -q ' ready ' <<<"$status" || fail "the status is not ready"

show "kill -TERM <the agent>"
kill -TERM "$agent"
wait "$agent" || fail "the agent ended with $?"
agent=
tail -n 2 "$directory/log"
[ ! -e "$KEYSIDE_SOCKET" ] || fail "the socket was left behind"

printf '\nquickstart: everything works\n'
