// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KeyService
package import LockedMemory

extension KESRequest {
    /// `{"message":"…"}`
    package struct HMAC: KESMessage, Equatable, Sendable {
        package let message: [UInt8]

        package init(message: [UInt8]) { self.message = message }

        /// - Throws: KES's failure for an invalid body.
        package init(decoding body: Span<UInt8>) throws(KESFailure) {
            var message: [UInt8]?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let name = try reader.nextMember(in: body) {
                    switch name {
                    case "message": try reader.readBase64(into: &message, in: body)
                    case .version: try reader.skipString(in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw KESFailure(error, at: .hmac)
            }
            self.message = message ?? []
        }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"message":""#)
            sink.append(base64: self.message.span)
            sink.append(ascii: #""}"#)
        }
    }
}

extension KESAnswer {
    /// `{"hmac":"…"}`
    package struct HMAC: KESMessage, ~Copyable, Sendable {
        /// Length of HMAC-SHA-256. KES's own client accepts an empty one, which would be harmful: object stores derive
        /// their root credentials from it.
        private static let byteCount = 32

        package let code: Secret

        package init(_ code: consuming Secret) { self.code = code }

        /// - Throws: ``KESAnswer/Unusable``, also if the code does not have 32 bytes.
        package init(decoding body: Span<UInt8>, memory: SecretMemory) throws(Unusable) {
            let code = try Secret(soleMember: "hmac", "hmac", of: body, memory: memory)
            guard code.byteCount == Self.byteCount else {
                throw .wrongLength(of: "hmac", byteCount: code.byteCount)
            }
            self.code = code
        }

        /// Consumes the answer and returns its code.
        package consuming func takeCode() -> Secret { self.code }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"hmac":""#)
            self.code.withBytes { code in sink.append(base64: code) }
            sink.append(ascii: "\"}\n")
        }
    }
}
