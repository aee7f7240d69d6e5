// SPDX-License-Identifier: Apache-2.0

package import KeyService
import Synchronization
package import Telemetry

/// Decides who may do what. Every front asks it about every request, before the cache and before any key server.
///
/// A client that the mode of the Unix socket lets in may do everything. All others may do what the ``Gate`` allows one of
/// their principals and denies none of them.
///
/// The rules can be replaced at any time, from any thread: requests are judged by the new rules from then on, on open
/// connections too.
package final class Authorizer: Sendable {
    private let gate: Mutex<Gate>
    /// Requests that were refused.
    package let denials = Denials()

    package init(_ gate: Gate) { self.gate = Mutex(gate) }

    /// Judges one request. Counts it in ``denials`` if it is refused. Allocates nothing.
    ///
    /// - Parameters:
    ///   - principals: everything that the client has proven to be.
    ///   - operation: nil for requests about the agent's own cache.
    ///   - key: the key that the request names; nil where it names none, or none that is valid.
    ///   - path: decoded, in the form that the policies' patterns are written for.
    /// - Throws: why the request is refused.
    package func authorize(
        _ principals: PrincipalSet, to operation: Operation?, on key: KeyName?, judgedBy path: Span<UInt8>
    ) throws(AuthorizationRefusal) {
        guard !principals.isLocal, operation?.isOpenToAll != true else { return }
        guard !principals.isEmpty else {
            self.denials.withoutPrincipal.add()
            throw .noPrincipal
        }
        guard self.current.decide(principals, path).isAllowed else {
            self.denials.byPolicy.add()
            throw .notAllowed
        }
    }

    /// Whether a rule names one of the principals. Grants nothing.
    package func knows(_ principals: PrincipalSet) -> Bool {
        principals.isLocal || self.current.knows(principals)
    }

    package func replace(with gate: Gate) { self.gate.withLock { $0 = gate } }

    /// Copied, so that no thread waits while another one compares patterns.
    private var current: Gate { self.gate.withLock { $0 } }
}

/// Why a request is refused.
package enum AuthorizationRefusal: Error, Equatable, Sendable {
    /// The client has proven nothing that policies can be bound to.
    case noPrincipal
    /// No policy of the client's principals allows the request, or one denies it.
    case notAllowed
}

/// Requests that were refused since the start, by reason.
package final class Denials: Sendable {
    /// See ``AuthorizationRefusal/noPrincipal``.
    package let withoutPrincipal = Counter()
    /// See ``AuthorizationRefusal/notAllowed``.
    package let byPolicy = Counter()
}

extension Operation {
    /// Whether clients without any principal may ask too: health checks need both, and neither tells anything of keys. KES
    /// requires a right for readiness; the agent's health checks run on its own host.
    package var isOpenToAll: Bool {
        switch self {
        case .version, .ready: true
        case .status, .metrics, .api, .createKey, .importKey, .describeKey, .listKeys, .deleteKey, .generateKey,
            .encrypt, .decrypt, .hmac:
            false
        }
    }
}
