#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs from Debian 12 what Keyside is built with, beside Swift itself. Does nothing where all of it is there.
# With --tests also what only the gate and its tests need.
set -euo pipefail

packages=(
    binutils ca-certificates git libc6-dev libgcc-12-dev libstdc++-12-dev pkg-config
    libcurl4-openssl-dev libnghttp2-dev libssl-dev libsystemd-dev libyaml-dev
    libncurses6 libsqlite3-0 libxml2 # Swift's own tools run with these.
)
if [ "${1:-}" = --tests ]; then packages+=(curl libjemalloc2 libmimalloc2.0 mandoc nghttp2-client openssl python3); fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    echo "installing: ${missing[*]}"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v swift >/dev/null; then
    echo "error: there is no 'swift' on the PATH; install Swift 6.3 or later from https://www.swift.org/install/linux/" >&2
    exit 69
fi
