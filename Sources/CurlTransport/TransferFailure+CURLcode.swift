// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc

extension TransferFailure {
    static var noMemory: Self { Self(.noMemory, requestWasSent: false) }

    /// What happened on this side, in our own words.
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

    /// Whether there was no connection to be had: likely the same for everybody who waits for one.
    var isOfConnection: Bool {
        guard !self.requestWasSent else { return false }
        return switch self.kind {
        case .nameNotResolved, .refused, .notPermitted, .notTrusted, .tls, .timedOut: true
        case .broken, .answerTooLarge, .noMemory, .noResources, .cancelled, .retired, .stopped: false
        }
    }
}

extension EasyHandle {
    /// What libcurl's code means here; the one place that reads it.
    func failure(_ code: CURLcode) -> TransferFailure {
        let explanation = unsafe String(cString: self.errorText)
        let reason = explanation.isEmpty ? unsafe String(cString: curl_easy_strerror(code)) : explanation
        let systemCode = self.socketRefusal ?? CInt(self.information(CURLINFO_OS_ERRNO))

        let kind: TransferFailure.Kind
        switch code {
        // Whatever libcurl and OpenSSL call it: a certificate is "too weak" or "not trusted", and a handshake fails, where a
        // check of theirs was refused memory.
        case _ where self.wasRefusedMemory || reason.hasSuffix("malloc failure"):
            kind = .noMemory
        case CURLE_COULDNT_CONNECT where Self.isLackOfResources(systemCode):
            kind = .noResources
        case CURLE_COULDNT_RESOLVE_HOST:
            kind = .nameNotResolved
        case CURLE_COULDNT_CONNECT:
            kind = systemCode == EACCES || systemCode == EPERM ? .notPermitted : .refused
        // Where the signature is wrong, as that of an authority of the same name and another key is, OpenSSL's error is
        // not that verification failed, and libcurl has another code for it.
        case CURLE_PEER_FAILED_VERIFICATION,
            CURLE_SSL_CONNECT_ERROR where self.peerCheck.refusal != nil:
            kind = .notTrusted(
                certificate: self.peerCheck.refusal?.certificate ?? self.peerCheck.certificate ?? "",
                reason: self.peerCheck.refusal?.reason ?? reason)
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_ABORTED_BY_CALLBACK:
            kind = .tls
        // Under TLS 1.3 the server judges our certificate when the handshake is over for us. Only OpenSSL's words tell.
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
        // libcurl's words are its last ones: the other side may have hung up since its certificate was refused.
        let isOfSystem = code == CURLE_COULDNT_CONNECT && systemCode != 0
        let told =
            if case .notTrusted(_, let refusal) = kind {
                refusal
            } else {
                isOfSystem ? unsafe String(cString: strerror(systemCode)) : reason
            }
        return TransferFailure(kind, reason: told, requestWasSent: self.requestWasSent)
    }

    /// Whether an errno of socket(2) or connect(2) tells of this machine and not of the other side.
    private static func isLackOfResources(_ code: CInt) -> Bool {
        switch code {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL: true
        case _: false
        }
    }
}
