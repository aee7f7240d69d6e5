// SPDX-License-Identifier: Apache-2.0

import CurlTransport
package import KESProtocol

/// Why a request to an agent failed.
package enum KeysideClientError: Error, Equatable, Sendable {
    /// The agent answered with an error.
    case refused(KESFailure)
    /// No process listens on the socket, or the caller may not connect.
    case notReachable(reason: String, isPermission: Bool)
    case timedOut
    /// The connection failed in another way.
    case interrupted(reason: String)
    /// The response cannot be parsed.
    case unusable(KESAnswer.Unusable)
    /// The request or the response does not fit into memory.
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
