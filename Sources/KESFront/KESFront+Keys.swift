// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import HTTPServer
import KESProtocol
import KeyService

/// The key operations that need no speed, and are always awaited.
extension KESFront {
    /// Every operation on a named key but the hot two.
    ///
    /// - Throws: the answer to a body that is none.
    func ask(_ endpoint: Operation, of name: KeyName, body: Span<UInt8>) throws(KESFailure) -> DeferredAnswer? {
        let service = self.service
        switch endpoint {
        case .encrypt:
            return try self.admit(endpoint, body: body, decoding: KESRequest.Encrypt.init) { request, writer in
                let associatedData = request.associatedData
                let plaintext = request.takePlaintext()
                do throws(KeyServiceError) {
                    let ciphertext = try await service.encrypt(
                        name, plaintext: plaintext, associatedData: associatedData)
                    writer.write(KESAnswer.Encrypt(ciphertext))
                } catch {
                    writer.write(Response(KESFailure(error, at: endpoint), at: endpoint))
                }
            }
        case .hmac:
            let request = try KESRequest.HMAC(decoding: body)
            return self.admit(endpoint, bodyOf: body.count) { writer in
                await writer.write(at: endpoint) { () throws(KeyServiceError) in
                    try await Self.whenThereIsMemory(at: endpoint) { () throws(KeyServiceError) in
                        KESAnswer.HMAC(try await service.hmac(name, message: request.message))
                    }
                }
            }
        case .importKey:
            return try self.admit(endpoint, body: body, decoding: KESRequest.ImportKey.init) { request, writer in
                let algorithm = request.algorithm
                let key = request.takeKey()
                do throws(KeyServiceError) {
                    try await service.importKey(name, key: key, algorithm: algorithm)
                    writer.write(Response(.ok))
                } catch {
                    writer.write(Response(KESFailure(error, at: endpoint), at: endpoint))
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
