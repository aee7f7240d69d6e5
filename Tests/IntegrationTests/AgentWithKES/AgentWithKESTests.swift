// SPDX-License-Identifier: Apache-2.0

import Testing

/// The agent in front of KES servers that are part of the tests. One after the other: each of them keeps several
/// processes busy, and what waits too long is an error to an agent. For the same reason `Tests/run.sh` gives them a run
/// of their own.
@Suite(.serialized) enum AgentWithKESTests {}
