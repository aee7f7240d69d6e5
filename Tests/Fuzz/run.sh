#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the fuzzers and runs each for a while on top of its corpus:
#
#   Tests/Fuzz/run.sh [SECONDS] [NAME…]      default: 30 seconds, all of them
#
# Ends with 1 when one found something; .build/fuzz/NAME/ then holds the input that shows it, and the log. What a run
# learned is kept in .build/fuzz/corpus/NAME. To take the part of it that reaches new code into the repository:
#
#   .build/fuzz/NAME/fuzzer -merge=1 Tests/Fuzz/Corpus/NAME .build/fuzz/corpus/NAME
set -euo pipefail
cd "$(dirname "$0")/../.."

# For each fuzzer: our modules that it needs, lowest first; its own files; the longest input worth trying.
declare -A modules=(
  [http]="Primitives HTTPMessages"
  [json]="Primitives CLinux CProcessStart Linux LockedMemory KeyService ByteCoding KESProtocol"
  [h2]="Primitives CLinux CProcessStart Linux LockedMemory Telemetry KeyService ByteCoding Cryptography Authorization
    HTTPMessages HTTP2 TLS Logging HTTPServer"
)
declare -A sources=(
  [http]="Tests/Fuzz/HTTPRequestFuzz/*.swift Tests/HTTPMessagesTests/Transcript.swift"
  [json]="Tests/Fuzz/KESBodyFuzz/*.swift"
  [h2]="Tests/Fuzz/HTTP2Fuzz/*.swift Tests/HTTPServerTests/HTTP2/HTTP2World.swift"
)
declare -A byte_count_max=(
  [http]=6000
  [json]=4000
  [h2]=1000
)
# C libraries that modules of ours need, and sources that are not ours.
declare -A libraries=([h2]="-lnghttp2 -lssl -lcrypto")
declare -A paths=([Logging]=.build/checkouts/swift-log/Sources/Logging)

seconds=${1:-30}
shift || true
if [ $# -eq 0 ]; then set -- "${!modules[@]}"; fi

# The compiler by hand and not the package: libFuzzer brings its own `main`, and of what the package depends on nothing
# is needed.
compile() { # OPTIONS… SOURCES…
  swiftc -O -enable-testing -assert-config Debug -g -sanitize=fuzzer,address -use-ld=lld -parse-as-library \
    -whole-module-optimization -package-name keyside -swift-version 6 -strict-memory-safety \
    -enable-upcoming-feature ExistentialAny \
    -enable-upcoming-feature MemberImportVisibility \
    -enable-upcoming-feature InternalImportsByDefault \
    -I "$out" "$@"
}

compile_c() { # MODULE, of one source: what links several drops sections that AddressSanitizer has pointed to.
  clang -O1 -g -fsanitize=address -I "Sources/$1/include" -c -o "$out/$1.o" "Sources/$1"/*.c
  printf 'module %s {\n  umbrella "%s"\n}\n' "$1" "$PWD/Sources/$1/include" >"$out/$1.modulemap"
}

build() { # NAME
  local module objects=() maps=() warnings
  for module in CNghttp2 COpenSSL; do maps+=(-Xcc "-fmodule-map-file=Sources/$module/module.modulemap"); done
  for module in ${modules[$1]}; do
    if [ -d "Sources/$module/include" ]; then
      compile_c "$module"
      maps+=(-Xcc "-fmodule-map-file=$out/$module.modulemap")
    else
      warnings=()
      [ -z "${paths[$module]:-}" ] || warnings=(-suppress-warnings)
      # shellcheck disable=SC2046 # names without blanks
      compile "${maps[@]}" "${warnings[@]}" -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
        -c -o "$out/$module.o" $(find "${paths[$module]:-Sources/$module}" -name '*.swift')
    fi
    objects+=("$out/$module.o")
  done
  # shellcheck disable=SC2086 # patterns of files and lists of libraries, to be expanded
  compile "${maps[@]}" -module-name Fuzzer -o "$out/fuzzer" "${objects[@]}" ${sources[$1]} ${libraries[$1]:-}
}

failed=0
for name in "$@"; do
  out=.build/fuzz/$name
  learned=.build/fuzz/corpus/$name
  mkdir -p "$out" "$learned"
  build "$name"
  # AddressSanitizer takes for leaks what the Swift runtime keeps to the end, and for an error how it walks the stack.
  ASAN_OPTIONS=detect_leaks=0 SWIFT_BACKTRACE=enable=no "$out/fuzzer" -max_total_time="$seconds" -timeout=5 \
    -max_len="${byte_count_max[$name]}" -print_final_stats=1 -artifact_prefix="$out/" \
    "$learned" "Tests/Fuzz/Corpus/$name" 2>"$out/log" || failed=1
  grep -aE '^stat::(number|average|peak)|SUMMARY|Fatal error|Precondition failed|Test unit written' "$out/log" |
    cut -c1-500 | sed "s/^/$name: /"
done
exit "$failed"
