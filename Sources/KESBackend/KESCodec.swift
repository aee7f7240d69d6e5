// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import Cluster
import CurlTransport
import KESProtocol
package import KeyService
import LockedMemory

/// KES's API as a cluster asks for it: paths, content type, what is repeatable, how long answers may be, and what they say
/// of their server.
package struct KESCodec: ClusterBackend {
    package init() {}

    package func call(_ operation: Operation, on name: String) -> BackendCall {
        BackendCall(
            operation, operation.transferMethod, operation.path(naming: name), contentType: "application/json",
            isRepeatable: operation.isRepeatable, answersSecret: operation.answersSecret)
    }

    package func answerBounds(of operation: Operation, bodyByteCount: Int) -> AnswerBounds {
        AnswerBounds(
            byteCountMax: operation.answerByteCountMax(toBodyOf: bodyByteCount),
            byteCountExpected: operation.answerByteCountExpected(toBodyOf: bodyByteCount))
    }

    /// Success is 200. A 4xx is about the request, and so is 501; 429 is about how many there are. Every other 5xx is the
    /// server's own fault.
    package func check(status: Int, body: Span<UInt8>) throws(AnswerFault) {
        guard status != 200 else { return }
        guard status >= 400 else { throw AnswerFault(.unexpectedStatus(status)) }
        let error = KeyServiceError(kes: KESFailure(status: status, body: body))
        switch status {
        case 429: throw .refused(error, maySucceedElsewhere: true)
        case ..<500, 501: throw .refused(error, maySucceedElsewhere: false)
        default: throw .failed(error, status: status)
        }
    }

    /// KES's status says whether its key store answers. A client without the right to ask learns at least that the server
    /// does.
    package var probe: Operation { .status }

    package func fault(inProbeAnswer body: Span<UInt8>) throws(AnswerFault) -> EndpointFault? {
        do throws(KESAnswer.Unusable) {
            return try KESAnswer.Status(decoding: body).keyStore == .unreachable ? .keyStoreUnreachable : nil
        } catch {
            throw AnswerFault(error)
        }
    }

    /// Writes a body to the memory that it is sent from. An empty one is none.
    static func encode(
        _ message: borrowing some KESMessage & ~Copyable, in memory: SecretMemory
    ) throws(LockedMemoryError) -> SharedSecret? {
        let byteCount = message.byteCount
        guard byteCount > 0 else { return nil }
        var body = try Secret(byteCount: byteCount, in: memory)
        body.fill { output in message.encode(into: &output) }
        return SharedSecret(body)
    }
}

extension AnswerFault {
    init(_ fault: KESAnswer.Unusable) {
        if case .unreadable(.memory) = fault {
            self = .outOfMemory
        } else {
            self = .unusable(reason: "\(fault)")
        }
    }
}

/// The body of a request that has none.
struct NoBody: KESMessage {
    func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {}
}

extension Operation {
    /// What KES's own client sends: servers of every age take it.
    fileprivate var transferMethod: Transfer.Method {
        switch self.method {
        case .get: .get
        case .put: .post
        case .delete: .delete
        }
    }

    /// Whether asking twice is the same as asking once. A data key that no client received does no harm.
    fileprivate var isRepeatable: Bool {
        switch self {
        case .decrypt, .generateKey, .encrypt, .hmac, .describeKey, .listKeys, .version, .ready, .status, .metrics,
            .api:
            true
        case .createKey, .importKey, .deleteKey:
            false
        }
    }
}
