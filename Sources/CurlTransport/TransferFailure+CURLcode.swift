// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc

extension TransferFailure {
    static var noMemory: Self { Self(.noMemory, requestWasSent: false) }

    /// A failure on this side, with a text of our own.
    init(_ kind: Kind, requestWasSent: Bool) {
        let reason =
            switch kind {
            case .nameNotResolved: "the name cannot be resolved"
            case .refused: "the connection was refused"
            case .notPermitted: "not permitted"
            case .notTrusted(_, let reason): reason
            case .tls: "the TLS handshake failed"
            case .timedOut(whileConnecting: true): "no connection before the deadline"
            case .timedOut(whileConnecting: false): "no answer before the deadline"
            case .broken: "the connection broke"
            case .answerTooLarge: "the answer is too large"
            case .noMemory: "no locked memory left"
            case .noResources: "out of file descriptors, local ports or socket buffers"
            case .cancelled: "cancelled"
            case .retired: "the credentials were replaced"
            case .stopped: "stopped"
            }
        self.init(kind, reason: reason, requestWasSent: requestWasSent)
    }

    /// Whether no connection could be made. Other transfers that wait for one would probably fail in the same way.
    var isOfConnection: Bool {
        guard !self.requestWasSent else { return false }
        return switch self.kind {
        case .nameNotResolved, .refused, .notPermitted, .notTrusted, .tls, .timedOut: true
        case .broken, .answerTooLarge, .noMemory, .noResources, .cancelled, .retired, .stopped: false
        }
    }
}

extension EasyHandle {
    /// Interprets libcurl's code. The only place that does.
    func failure(_ code: CURLcode) -> TransferFailure {
        let explanation = unsafe String(cString: self.errorText)
        let reason = explanation.isEmpty ? unsafe String(cString: curl_easy_strerror(code)) : explanation
        let systemCode = self.socketRefusal ?? CInt(self.information(CURLINFO_OS_ERRNO))

        let kind: TransferFailure.Kind
        switch code {
        // If OpenSSL was refused memory, libcurl may report a certificate as "too weak" or "not trusted", or a failed
        // handshake.
        case _ where self.wasRefusedMemory || reason.hasSuffix("malloc failure"):
            kind = .noMemory
        case CURLE_COULDNT_CONNECT where Self.isLackOfResources(systemCode):
            kind = .noResources
        case CURLE_COULDNT_RESOLVE_HOST:
            kind = .nameNotResolved
        case CURLE_COULDNT_CONNECT:
            kind = systemCode == EACCES || systemCode == EPERM ? .notPermitted : .refused
        // If a signature is wrong, as with a CA certificate of the same name and another key, OpenSSL reports another
        // error than a failed verification, and libcurl another code.
        case CURLE_PEER_FAILED_VERIFICATION,
            CURLE_SSL_CONNECT_ERROR where self.peerCheck.refusal != nil:
            kind = .notTrusted(
                certificate: self.peerCheck.refusal?.certificate ?? self.peerCheck.certificate ?? "",
                reason: self.peerCheck.refusal?.reason ?? reason)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_ABORTED_BY_CALLBACK:
            kind = .tls
        // Under TLS 1.3 the server checks our certificate after the handshake is complete for us. Only OpenSSL's text
        // shows that.
        case CURLE_RECV_ERROR where reason.contains(" alert "), CURLE_SEND_ERROR where reason.contains(" alert "):
            kind = .tls
        case CURLE_OPERATION_TIMEDOUT:
            kind = .timedOut(whileConnecting: !self.requestWasSent)
        case CURLE_WRITE_ERROR:
            kind = self.refusal ?? .broken
        case CURLE_OUT_OF_MEMORY:
            kind = .noMemory
        default:
            kind = .broken
        }
        // libcurl's text describes the last event: the other side may have closed the connection because its
        // certificate was refused.
        let isOfSystem = code == CURLE_COULDNT_CONNECT && systemCode != 0
        let told =
            if case .notTrusted(_, let refusal) = kind {
                refusal
            } else {
                isOfSystem ? unsafe String(cString: strerror(systemCode)) : reason
            }
        return TransferFailure(kind, reason: told, requestWasSent: self.requestWasSent)
    }

    /// Whether an errno of socket(2) or connect(2) is about this machine, not the other side.
    private static func isLackOfResources(_ code: CInt) -> Bool {
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL: true
        case _: false
        }
    }
}
