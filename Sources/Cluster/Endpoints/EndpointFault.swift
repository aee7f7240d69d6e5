// SPDX-License-Identifier: Apache-2.0

package import CurlTransport

/// Why an endpoint is marked down.
package enum EndpointFault: Error, Equatable, Sendable {
    /// No answer came from there.
    case transfer(TransferFailure)
    /// An answer came, with a status that tells of a fault of the server's own.
    case status(Int)
    /// The server answers that it does not reach its key store.
    case keyStoreUnreachable

    /// Whether the server answers. One that does may still serve some requests.
    var isAnswer: Bool {
        switch self {
        case .transfer: false
        case .status, .keyStoreUnreachable: true
        }
    }
}

extension EndpointFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .transfer(let failure): failure.summary
        case .status(let status): "it answers \(status)"
        case .keyStoreUnreachable: "its key store is not reachable"
        }
    }
}

extension TransferFailure {
    /// What is wrong and the libraries' words for it: `connection refused: No route to host`.
    package var summary: String {
        let what =
            switch self.kind {
            case .nameNotResolved: "its name is not resolved"
            case .refused: "no connection"
            case .notPermitted: "the way there is barred"
            case .notTrusted(let certificate, _):
                certificate.isEmpty
                    ? "its certificate is not trusted" : "its certificate (\(certificate)) is not trusted"
            case .tls: "TLS failed"
            case .timedOut(whileConnecting: true): "no connection in time"
            case .timedOut(whileConnecting: false): "no answer in time"
            case .broken: "the connection broke"
            case .answerTooLarge: "the answer is too large"
            case .noMemory: "no locked memory is left"
            case .noResources: "out of file descriptors, local ports or socket buffers"
            case .cancelled: "cancelled"
            case .retired: "the credentials were replaced"
            case .stopped: "stopped"
            }
        return self.reason.isEmpty ? what : "\(what): \(self.reason)"
    }
}
