// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import Cryptography
package import Linux

/// The agent's own settings, without the backend: a typed tree whose initial values are the defaults.
///
/// ``load(flags:environment:configFile:defaultFile:)`` fills it. Holds no secrets, because it is read before there is
/// memory for them.
package struct AgentSettings: Equatable, Sendable {
    /// The Unix socket.
    package struct Socket: Equatable, Sendable {
        package var path = "/run/keyside/keyside.sock"
        /// Permission bits. Connecting needs write permission.
        package var mode: UInt32 = 0o660
        /// Owner and group of the socket, by name or number. Nil: those of the process.
        package var owner: String?
        package var group: String?
    }

    /// The TLS listener. Paths are as configured, and may be relative.
    package struct TLS: Equatable, Sendable {
        /// Nil: no TLS listener.
        package var listen: ListenAddress?
        /// The server's certificate chain and private key, PEM.
        package var cert: String?
        package var key: String?
        /// CA certificates, PEM, that client certificates must chain to. Nil: any client certificate is accepted,
        /// because the key identifies a client.
        package var clientCA: String?
    }

    /// Administrators.
    package struct Admin: Equatable, Sendable {
        /// Identities that may request everything on the TLS listener.
        package var identities: [Identity] = []
    }

    /// A policy and the identities that it applies to.
    package struct BoundPolicy: Equatable, Sendable {
        package let policy: Policy
        package let identities: [Identity]
    }

    /// Locked memory.
    package struct Memory: Equatable, Sendable {
        /// Whether ordinary memory may be used for secrets if none can be locked.
        package var allowUnlocked = false
        /// Maximum locked memory, in bytes. `RLIMIT_MEMLOCK` can lower it.
        package var lockedMax = 64 << 20
    }

    /// The cache of data keys.
    package struct Cache: Equatable, Sendable {
        /// How long a data key may be served.
        package struct Expiry: Equatable, Sendable {
            /// Maximum age of a cached data key. Zero turns the cache off.
            package var any = Duration.seconds(300)
            /// Maximum time without use. Zero: no limit.
            package var unused = Duration.seconds(60)
            /// Additional age while no key server can be reached. Zero: none.
            package var offline = Duration.zero
        }

        /// Maximum number of cached data keys.
        package var maxEntries = 65_536
        package var expiry = Expiry()

        /// Whether there is a cache.
        package var isOn: Bool { self.expiry.any > .zero }
    }

    /// Requests to the key servers.
    package struct Upstream: Equatable, Sendable {
        /// The protocol towards the key servers; the raw values are those of the setting.
        package enum HTTPVersion: String, CaseIterable, Sendable {
            case auto
            case http1 = "1.1"
            case http2 = "2"
        }

        /// For a request to the key servers, retries included.
        package var timeout = Duration.seconds(10)
        /// For name resolution, connection and handshake together.
        package var connectTimeout = Duration.seconds(2)
        /// Maximum number of concurrent requests to the key servers.
        package var maxInFlight = 512
        /// Maximum number of waiting requests. Beyond it, requests are refused.
        package var maxQueued = 2048
        /// Whether to ask a second key server when the first is unusually slow to decrypt.
        package var hedge = false
        /// Towards the key servers.
        package var http = HTTPVersion.auto
    }

    /// Readiness.
    package struct Ready: Equatable, Sendable {
        /// Whether the agent is ready only after its backend has answered.
        package var requireUpstream = true
    }

    /// Limits on clients.
    package struct Limits: Equatable, Sendable {
        /// Per listener.
        package var connections = 1024
        /// Connections to the TLS listener whose identity has no policy and is not an administrator's. Beyond it, the
        /// oldest is closed.
        package var unauthenticatedConnections = 128
        /// Maximum time from the first byte of a request to the end of its head.
        package var headerTimeout = Duration.seconds(5)
        /// Maximum time without a request.
        package var idleTimeout = Duration.seconds(120)
    }

    /// How the agent stops.
    package struct Shutdown: Equatable, Sendable {
        /// How long a stop waits for requests in flight.
        package var drain = Duration.seconds(10)
    }

    /// The log.
    package struct Log: Equatable, Sendable {
        /// Minimum severity, from the least severe.
        package enum Level: String, CaseIterable, Sendable {
            case trace, debug, info, notice, warning, error
        }

        /// Format of log lines.
        package enum Format: String, CaseIterable, Sendable {
            case text, json
        }

        package var level = Level.info
        package var format = Format.text
    }

    package var socket = Socket()
    package var tls = TLS()
    package var memory = Memory()
    package var cache = Cache()
    package var upstream = Upstream()
    package var ready = Ready()
    package var limits = Limits()
    package var shutdown = Shutdown()
    package var log = Log()
    package var admin = Admin()
    /// In the order of the file. No identity has two.
    package var policies: [BoundPolicy] = []

    package init() {}
}

extension AgentSettings {
    /// Whether a setting, by its path, controls access.
    package static func isAboutAccess(_ path: String) -> Bool {
        path == "admin.identities" || path.hasPrefix(PolicyReader.section + ".")
    }
}
