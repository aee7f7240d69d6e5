// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import Cryptography
package import Linux

/// What the agent is told about itself, as opposed to its backend: a typed tree whose initial values are the defaults.
///
/// ``load(flags:environment:configFile:defaultFile:)`` fills it. It holds no secrets, since it must be known before
/// there is memory to keep any.
package struct AgentSettings: Equatable, Sendable {
    package struct Socket: Equatable, Sendable {
        package var path = "/run/keyside/keyside.sock"
        /// Permission bits. Connecting takes write permission.
        package var mode: UInt32 = 0o660
        /// User and group to give the socket to, by name or number. Nil leaves the process's own.
        package var owner: String?
        package var group: String?
    }

    /// The listener for clients that speak TLS only. Paths are as they were written, and may be relative.
    package struct TLS: Equatable, Sendable {
        /// Nil: there is no such listener.
        package var listen: ListenAddress?
        /// The server's certificate, with those above it behind it, and its private key: PEM.
        package var cert: String?
        package var key: String?
        /// Certificates, PEM, one of which must be above that of every client. Nil: any certificate will do, since it is
        /// the key that tells who a client is.
        package var clientCA: String?
    }

    package struct Admin: Equatable, Sendable {
        /// Who may everything at the TLS listener.
        package var identities: [Identity] = []
    }

    /// A policy and those that it is for.
    package struct BoundPolicy: Equatable, Sendable {
        package let policy: Policy
        package let identities: [Identity]
    }

    package struct Memory: Equatable, Sendable {
        /// Whether ordinary memory will do for secrets where none can be locked.
        package var allowUnlocked = false
        /// Bytes of locked memory at most. Where `RLIMIT_MEMLOCK` allows less, the agent takes what that allows.
        package var lockedMax = 64 << 20
    }

    package struct Cache: Equatable, Sendable {
        package struct Expiry: Equatable, Sendable {
            /// Since the key server last vouched for a data key. Zero turns the cache off.
            package var any = Duration.seconds(300)
            /// Since a data key was last asked for. Zero: however long.
            package var unused = Duration.seconds(60)
            /// Past `any`, while no key server can be reached. Zero: not at all.
            package var offline = Duration.zero
        }

        /// Data keys at a time.
        package var maxEntries = 65_536
        package var expiry = Expiry()

        package var isOn: Bool { self.expiry.any > .zero }
    }

    package struct Upstream: Equatable, Sendable {
        package enum HTTPVersion: String, CaseIterable, Sendable {
            case auto
            case http1 = "1.1"
            case http2 = "2"
        }

        /// For a request to the key servers as a whole, repeats included.
        package var timeout = Duration.seconds(10)
        /// For name, connection and handshake together.
        package var connectTimeout = Duration.seconds(2)
        /// Requests to the key servers at a time.
        package var maxInFlight = 512
        /// Requests that wait for their turn. One more is refused.
        package var maxQueued = 2048
        /// Whether a second key server is asked where the first takes unusually long to decrypt.
        package var hedge = false
        package var http = HTTPVersion.auto
    }

    package struct Ready: Equatable, Sendable {
        /// Whether the agent is ready only once its backend has answered.
        package var requireUpstream = true
    }

    package struct Limits: Equatable, Sendable {
        /// Connections to each listener.
        package var connections = 1024
        /// Connections to the TLS listener whose client no policy and no list of administrators names. For one more, the
        /// oldest is closed.
        package var unauthenticatedConnections = 128
        /// How long a request's head may take to arrive.
        package var headerTimeout = Duration.seconds(5)
        /// How long a connection may stay without a request.
        package var idleTimeout = Duration.seconds(120)
    }

    package struct Shutdown: Equatable, Sendable {
        /// How long requests in flight may take once the agent is told to stop.
        package var drain = Duration.seconds(10)
    }

    package struct Log: Equatable, Sendable {
        package enum Level: String, CaseIterable, Sendable {
            case trace, debug, info, notice, warning, error
        }

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
    /// Whether a setting, by its path, says who may ask for what.
    package static func isAboutAccess(_ path: String) -> Bool {
        path == "admin.identities" || path.hasPrefix(PolicyReader.section + ".")
    }
}
