#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds, and runs every test; with --filter REGEX only those whose name matches.
# The program under test is the debug build, or the one that KEYSIDE_BINARY names.
set -euo pipefail
cd "$(dirname "$0")/.."

packaging/install-build-dependencies.sh --tests
swift build --product keyside --quiet
if [ "$#" -gt 0 ]; then exec swift test --parallel "$@"; fi

# In front of key servers an agent is apart from all others: tests that block leave the servers too little time.
swift test --parallel --skip KESBackendTests
swift test --parallel --skip-build --filter KESBackendTests
