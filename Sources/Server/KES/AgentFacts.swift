// SPDX-License-Identifier: Apache-2.0

package import Linux

/// What a front tells of the agent it belongs to.
package struct AgentFacts: Sendable {
    package let version: String
    package let commit: String
    package let socketPath: String
    package let connections: ConnectionCount
    package let startedAt = WallClock.now()
    private let began = ContinuousClock.now

    package init(version: String, commit: String, socketPath: String, connections: ConnectionCount) {
        self.version = version
        self.commit = commit
        self.socketPath = socketPath
        self.connections = connections
    }

    package var uptime: Duration { ContinuousClock.now - self.began }
}
