// SPDX-License-Identifier: Apache-2.0

package import HTTPServer
package import Linux

/// What the agent reports about itself that does not change.
package struct AgentFacts: Sendable {
    package let version: String
    package let commit: String
    package let listeners: [Listener]
    package let startedAt = WallClock.now()

    package struct Listener: Sendable {
        let name: ListenerName
        /// The path of a socket, or an address with its port.
        package let address: String
        let connections: ConnectionCount
        /// When the certificate ends that is shown at present.
        let certificateEnd: (@Sendable () -> WallClock)?

        package init(
            _ name: ListenerName, at address: String, connections: ConnectionCount,
            certificateEnd: (@Sendable () -> WallClock)? = nil
        ) {
            self.name = name
            self.address = address
            self.connections = connections
            self.certificateEnd = certificateEnd
        }
    }

    package init(version: String, commit: String, listeners: [Listener]) {
        self.version = version
        self.commit = commit
        self.listeners = listeners
    }
}
