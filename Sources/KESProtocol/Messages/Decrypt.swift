// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService
package import LockedMemory

extension KESRequest {
    /// `{"ciphertext":"…","context":"…"}`
    package struct Decrypt: KESMessage, Equatable, Sendable {
        package let ciphertext: Ciphertext
        package let associatedData: AssociatedData

        package init(ciphertext: Ciphertext, associatedData: AssociatedData) {
            self.ciphertext = ciphertext
            self.associatedData = associatedData
        }

        /// - Throws: KES's failure for an invalid body.
        package init(decoding body: Span<UInt8>) throws(KESFailure) {
            var ciphertext: [UInt8]?
            var context: [UInt8]?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let name = try reader.nextMember(in: body) {
                    switch name {
                    case .ciphertext: try reader.readBase64(into: &ciphertext, in: body)
                    case .context: try reader.readBase64(into: &context, in: body)
                    case .version: try reader.skipString(in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw KESFailure(error, at: .decrypt)
            }
            self.ciphertext = Ciphertext(ciphertext ?? [])
            self.associatedData = AssociatedData(context ?? [])
        }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"ciphertext":""#)
            sink.append(base64: self.ciphertext.bytes.span)
            sink.endRequest(context: self.associatedData)
        }
    }
}

extension KESAnswer {
    /// `{"plaintext":"…"}`
    package struct Decrypt: KESMessage, ~Copyable, Sendable {
        package let plaintext: Secret

        package init(_ plaintext: consuming Secret) { self.plaintext = plaintext }

        /// Decodes the plaintext directly into locked memory.
        package init(decoding body: Span<UInt8>, memory: SecretMemory) throws(Unusable) {
            self.plaintext = try Secret(soleMember: .plaintext, "plaintext", of: body, memory: memory)
        }

        /// Consumes the answer and returns its plaintext.
        package consuming func takePlaintext() -> Secret { self.plaintext }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"plaintext":""#)
            self.plaintext.withBytes { plaintext in sink.append(base64: plaintext) }
            sink.append(ascii: "\"}\n")
        }
    }
}
