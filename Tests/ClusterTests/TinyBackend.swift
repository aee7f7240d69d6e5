// SPDX-License-Identifier: Apache-2.0

import Cluster
import ClusterTestSupport
import CurlTransport
import KeyService
import LockedMemory

/// A key server's protocol of a line: asked for `/generate?name`, it answers `key text`; `busy` is a fault of its own, and
/// `none` means that there is no such key.
struct TinyBackend: ClusterBackend {
    func call(_ operation: Operation, on name: String) -> BackendCall {
        BackendCall(
            operation, .get, "/\(operation.name)?\(name)", contentType: "text/plain",
            isRepeatable: operation != .createKey, answersSecret: true)
    }

    func answerBounds(of operation: Operation, bodyByteCount: Int) -> AnswerBounds {
        AnswerBounds(byteCountMax: 64, byteCountExpected: 64)
    }

    func check(status: Int, body: Span<UInt8>) throws(AnswerFault) {
        switch String(copying: body) {
        case "none": throw .refused(.keyNotFound, maySucceedElsewhere: false)
        case "busy": throw .failed(.unavailable, status: status)
        default: return
        }
    }

    var probe: Operation { .ready }

    func fault(inProbeAnswer body: Span<UInt8>) throws(AnswerFault) -> EndpointFault? {
        String(copying: body) == "locked" ? .keyStoreUnreachable : nil
    }
}

/// Its client: all that a service for another protocol has to add.
extension ClusterClient {
    func tinyKey(_ name: String, memory: SecretMemory) async throws(KeyServiceError) -> Secret {
        var key: Secret?
        try await self.perform(.generateKey, on: name) { () throws(LockedMemoryError) in
            nil
        } decode: { body throws(AnswerFault) in
            guard body.count > 4 else { throw .unusable(reason: "no key") }
            do throws(LockedMemoryError) {
                key = try Secret(copying: body.extracting(4...), in: memory)
            } catch {
                throw .outOfMemory
            }
        }
        guard let key = key.take() else { throw .internalFailure }
        return key
    }
}
