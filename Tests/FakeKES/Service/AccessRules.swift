// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A policy of KES's: what is denied counts before what is allowed.
package struct FakePolicy: Sendable, Equatable {
    /// Paths; one that ends in `*` is a prefix. Nowhere else is `*` special.
    package var allow: [String]
    package var deny: [String]

    package init(allow: [String], deny: [String] = []) {
        self.allow = allow
        self.deny = deny
    }

    /// All that is not for the administrator alone, which is nothing.
    package static let everything = FakePolicy(allow: ["/v1/*"])

    /// What an object store needs with keys of a prefix.
    package static func objectStore(keys prefix: String) -> FakePolicy {
        FakePolicy(
            allow: ["create", "generate", "decrypt", "describe", "list"].map { "/v1/key/\($0)/\(prefix)*" }
                + ["/v1/status", "/v1/ready", "/v1/api"])
    }

    /// - Parameter path: decoded.
    package func allows(_ path: [UInt8]) -> Bool {
        !self.deny.contains { Self.matches($0, path) } && self.allow.contains { Self.matches($0, path) }
    }

    private static func matches(_ pattern: String, _ path: [UInt8]) -> Bool {
        pattern.utf8.last == UInt8(ascii: "*")
            ? path.starts(with: pattern.utf8.dropLast()) : !pattern.isEmpty && path.elementsEqual(pattern.utf8)
    }
}

/// Who may do what. A test may change it while the server runs: it counts from the next request on.
package final class AccessRules: Sendable {
    private struct Rules {
        var admin: String?
        var policies: [String: FakePolicy] = [:]
        var skipsAuthentication = false
    }

    private let rules = Mutex(Rules())

    /// The identity that may do everything.
    package var admin: String? {
        get { self.rules.withLock { $0.admin } }
        set { self.rules.withLock { $0.admin = newValue } }
    }

    /// The policy of an identity. Without one it may do nothing.
    package subscript(identity: String) -> FakePolicy? {
        get { self.rules.withLock { $0.policies[identity] } }
        set { self.rules.withLock { $0.policies[identity] = newValue } }
    }

    /// Whether nobody is asked who he is (`skip_auth` on every API). A client need not show a certificate then.
    package var skipsAuthentication: Bool {
        get { self.rules.withLock { $0.skipsAuthentication } }
        set { self.rules.withLock { $0.skipsAuthentication = newValue } }
    }

    /// - Parameter path: decoded.
    func allows(_ identity: String, _ path: [UInt8]) -> Bool {
        self.rules.withLock { $0.admin == identity || $0.policies[identity]?.allows(path) == true }
    }
}
