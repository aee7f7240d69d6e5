// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import KESProtocol
import KeyService

/// The key operations that need no speed, and are always awaited.
extension KESFront {
    /// Every operation on a named key but the hot two.
    ///
    /// - Throws: the answer to a body that is none.
    func ask(_ endpoint: KESEndpoint, of name: KeyName, body: Span<UInt8>) throws(KESFailure) -> DeferredAnswer? {
        let service = self.service
        switch endpoint {
        case .encrypt:
            let request = Shared(try KESRequest.Encrypt(decoding: body, memory: self.memory))
            return { writer in
                await writer.write(at: endpoint) { () throws(KeyServiceError) in
                    KESAnswer.Encrypt(
                        try await service.encrypt(
                            name, plaintext: request.value.plaintext, associatedData: request.value.associatedData))
                }
            }
        case .hmac:
            let request = try KESRequest.HMAC(decoding: body)
            return { writer in
                await writer.write(at: endpoint) { () throws(KeyServiceError) in
                    KESAnswer.HMAC(try await service.hmac(name, message: request.message))
                }
            }
        case .importKey:
            let request = Shared(try KESRequest.ImportKey(decoding: body, memory: self.memory))
            return { writer in
                await writer.respond(at: endpoint) { () throws(KeyServiceError) in
                    try await service.importKey(name, key: request.value.key, algorithm: request.value.algorithm)
                    return Response(.ok)
                }
            }
        case .createKey:
            return { writer in
                await writer.respond(at: endpoint) { () throws(KeyServiceError) in
                    try await service.createKey(name)
                    return Response(.ok)
                }
            }
        case .deleteKey:
            return { writer in
                await writer.respond(at: endpoint) { () throws(KeyServiceError) in
                    try await service.deleteKey(name)
                    return Response(.ok)
                }
            }
        case .describeKey:
            return { writer in
                await writer.respond(at: endpoint) { () throws(KeyServiceError) in
                    Response.json(KESAnswer.DescribeKey(try await service.describeKey(name)).body)
                }
            }
        case .decrypt, .generateKey, .listKeys, .version, .ready, .status, .metrics, .api:
            preconditionFailure("\(endpoint) is routed elsewhere")
        }
    }

    func list(_ request: KeyListingRequest) -> DeferredAnswer {
        let service = self.service
        return { writer in
            await writer.respond(at: .listKeys) { () throws(KeyServiceError) in
                Response.json(KESAnswer.ListKeys(try await service.listKeys(request)).body)
            }
        }
    }
}

/// A value that cannot be copied, held by a closure that may be.
private final class Shared<Value: ~Copyable & Sendable>: Sendable {
    let value: Value

    init(_ value: consuming Value) { self.value = value }
}
