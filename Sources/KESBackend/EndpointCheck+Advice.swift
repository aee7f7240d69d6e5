// SPDX-License-Identifier: Apache-2.0

import Cluster
import CurlTransport
import KESProtocol
package import KeyService

extension EndpointCheck.Failure {
    /// What is wrong, and what to do about it.
    ///
    /// - Parameter identity: the agent's own, as KES computes it.
    package func advice(identity: String, keyName: KeyName) -> (problem: String, remedy: String) {
        switch self {
        case .notReached(let failure):
            return (failure.summary, failure.remedy(identity: identity))
        case .identityUnknown:
            return (
                "the server allows nothing to this client; it knows no policy for its identity",
                "add \(identity) to the identities of a policy in the server's configuration"
            )
        case .notPermitted(let operations):
            let paths = operations.map { $0.path(naming: keyName.description) }
            return (
                "the identity's policy does not allow to \(operations.map(\.name).joined(separator: " or to "))",
                "allow \(paths.joined(separator: " and ")) in the policy of \(identity)"
            )
        case .keyMissing:
            return (
                "there is no key '\(keyName)'",
                "run 'keyside key create \(keyName)' once the agent runs, or 'kes key create \(keyName)'"
            )
        case .keyStoreUnreachable:
            return ("the server does not reach its key store", "see the server's own log")
        case .refused(let operation, let failure):
            return (
                "\(operation.name) is answered \(failure.status): \(failure.message)", "see the server's own log"
            )
        case .unusable(_, let fault):
            return ("no KES server answers there: \(fault)", "correct the address in MINIO_KMS_KES_ENDPOINT")
        case .opensWrongly:
            return ("a data key comes back from decrypting as another one", "do not use this server")
        }
    }
}

extension TransferFailure {
    fileprivate func remedy(identity: String) -> String {
        switch self.kind {
        case .nameNotResolved: "correct the name in MINIO_KMS_KES_ENDPOINT, or the resolver's configuration"
        case .refused: "start the server, or correct the address in MINIO_KMS_KES_ENDPOINT"
        case .notPermitted, .timedOut(whileConnecting: true): "see what keeps packets from getting there and back"
        case .notTrusted: "name the authority that issued it in MINIO_KMS_KES_CAPATH, or correct the address"
        case .tls: "see whether the server takes this client's certificate; its identity is \(identity)"
        case .timedOut(whileConnecting: false), .broken, .answerTooLarge: "see the server's own log"
        case .noMemory: "raise the limit for locked memory (LimitMEMLOCK=)"
        case .noResources: "increase LimitNOFILE= (ulimit -n), or widen net.ipv4.ip_local_port_range"
        case .cancelled, .retired, .stopped: "try again"
        }
    }
}
