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

# Tests block, and the runtime has no more threads than there are cores. What needs some of them in time, as answers that are
# made in tasks do, has a run of its own: in front of it there are then no more tests than it can wait for.
swift build --build-tests --quiet
servers='HTTPServerTests|KESFrontTests|AdminAPITests'
failed=0
swift test --parallel --skip-build --skip "$servers|IntegrationTests" || failed=1
swift test --no-parallel --skip-build --filter "$servers" || failed=1
swift test --parallel --skip-build --filter IntegrationTests --skip 'AgentWithKESTests|AttackTests' || failed=1
swift test --parallel --skip-build --filter AgentWithKESTests || failed=1
swift test --no-parallel --skip-build --filter AttackTests || failed=1
exit "$failed"
