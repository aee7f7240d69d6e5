// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService
package import LockedMemory

extension KESRequest {
    /// `{"plaintext":"…","context":"…"}`
    package struct Encrypt: KESMessage, ~Copyable, Sendable {
        package let plaintext: Secret
        package let associatedData: AssociatedData

        package init(plaintext: consuming Secret, associatedData: AssociatedData) {
            self.plaintext = plaintext
            self.associatedData = associatedData
        }

        /// - Throws: KES's failure for an invalid body, or for a lack of locked memory.
        package init(decoding body: Span<UInt8>, memory: SecretMemory) throws(KESFailure) {
            var plaintext: Secret?
            var context: [UInt8]?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let name = try reader.nextMember(in: body) {
                    switch name {
                    case .plaintext: try reader.readBase64(into: &plaintext, memory: memory, in: body)
                    case .context: try reader.readBase64(into: &context, in: body)
                    case .version: try reader.skipString(in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
                self.plaintext = try KESRequest.secret(plaintext, memory: memory)
            } catch {
                throw KESFailure(error, at: .encrypt)
            }
            self.associatedData = AssociatedData(context ?? [])
        }

        /// Consumes the request and returns its plaintext.
        package consuming func takePlaintext() -> Secret { self.plaintext }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"plaintext":""#)
            self.plaintext.withBytes { plaintext in sink.append(base64: plaintext) }
            sink.endRequest(context: self.associatedData)
        }
    }
}

extension KESAnswer {
    /// `{"ciphertext":"…"}`
    package struct Encrypt: KESMessage, Equatable, Sendable {
        package let ciphertext: Ciphertext

        package init(_ ciphertext: Ciphertext) { self.ciphertext = ciphertext }

        package init(decoding body: Span<UInt8>) throws(Unusable) {
            var ciphertext: [UInt8]?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let name = try reader.nextMember(in: body) {
                    switch name {
                    case .ciphertext: try reader.readBase64(into: &ciphertext, in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw .unreadable(error)
            }
            guard let ciphertext else { throw .incomplete(missing: "ciphertext") }
            self.ciphertext = Ciphertext(ciphertext)
        }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"ciphertext":""#)
            sink.append(base64: self.ciphertext.bytes.span)
            sink.append(ascii: "\"}\n")
        }
    }
}
