// SPDX-License-Identifier: Apache-2.0

import CurlTransport
package import KESProtocol

/// Why an agent did not do what it was asked for.
package enum KeysideClientError: Error, Equatable, Sendable {
    /// The agent's answer to the request: what is wrong with it, or what failed.
    case refused(KESFailure)
    /// Nobody listens on the socket, or the caller may not connect.
    case notReachable(reason: String, isPermission: Bool)
    case timedOut
    /// The connection failed in some other way.
    case interrupted(reason: String)
    /// The answer cannot be made out.
    case unusable(KESAnswer.Unusable)
    /// The request or the answer does not fit into memory.
    case tooLarge
}

extension KeysideClientError {
    init(_ failure: TransferFailure) {
        switch failure.kind {
        case .refused: self = .notReachable(reason: failure.reason, isPermission: false)
        case .notPermitted: self = .notReachable(reason: failure.reason, isPermission: true)
        case .timedOut: self = .timedOut
        case .answerTooLarge, .noMemory: self = .tooLarge
        case .nameNotResolved, .notTrusted, .tls, .broken, .noResources, .cancelled, .retired, .stopped:
            self = .interrupted(reason: failure.reason)
        }
    }
}
