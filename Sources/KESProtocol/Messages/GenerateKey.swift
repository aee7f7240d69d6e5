// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService
package import LockedMemory

extension KESRequest {
    /// `{"context":"…"}`
    package struct GenerateKey: KESMessage, Equatable, Sendable {
        package let associatedData: AssociatedData

        package init(associatedData: AssociatedData) { self.associatedData = associatedData }

        /// - Parameter lengthWasAnnounced: whether the body had a `Content-Length` or, in HTTP/2, the head ended the
        ///   stream. An empty body is then a request without context. Otherwise, an empty body may be the rest of a
        ///   body that KES's client has sent to another server before. Answering it would encrypt a data key without
        ///   the caller's context, and the caller could never decrypt it.
        /// - Throws: KES's failure for an invalid body.
        package init(decoding body: Span<UInt8>, lengthWasAnnounced: Bool) throws(KESFailure) {
            var context: [UInt8]?
            do throws(JSONError) {
                if !body.isEmpty || !lengthWasAnnounced {
                    var reader = JSONReader()
                    try reader.enterObject(in: body)
                    while let name = try reader.nextMember(in: body) {
                        switch name {
                        case .context: try reader.readBase64(into: &context, in: body)
                        case .version: try reader.skipString(in: body)
                        default: try reader.skipValue(in: body)
                        }
                    }
                }
            } catch {
                throw KESFailure(error, at: .generateKey)
            }
            self.associatedData = AssociatedData(context ?? [])
        }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            guard !self.associatedData.bytes.isEmpty else { return sink.append(ascii: "{}") }
            sink.append(ascii: #"{"context":""#)
            sink.append(base64: self.associatedData.bytes.span)
            sink.append(ascii: #""}"#)
        }
    }
}

extension KESAnswer {
    /// `{"plaintext":"…","ciphertext":"…"}`
    package struct GenerateKey: KESMessage, ~Copyable, Sendable {
        package let dataKey: DataKey

        package init(_ dataKey: consuming DataKey) { self.dataKey = dataKey }

        /// Decodes both secrets into locked memory.
        package init(decoding body: Span<UInt8>, memory: SecretMemory) throws(Unusable) {
            var plaintext: Secret?
            var ciphertext: [UInt8]?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let name = try reader.nextMember(in: body) {
                    switch name {
                    case .plaintext: try reader.readBase64(into: &plaintext, memory: memory, in: body)
                    case .ciphertext: try reader.readBase64(into: &ciphertext, in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw .unreadable(error)
            }
            guard let plaintext else { throw .incomplete(missing: "plaintext") }
            guard let ciphertext else { throw .incomplete(missing: "ciphertext") }
            guard plaintext.byteCount == DataKey.byteCount else {
                throw .wrongLength(of: "plaintext", byteCount: plaintext.byteCount)
            }
            self.dataKey = DataKey(plaintext: plaintext, ciphertext: Ciphertext(ciphertext))
        }

        /// Consumes the answer and returns its data key.
        package consuming func takeDataKey() -> DataKey { self.dataKey }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"plaintext":""#)
            self.dataKey.plaintext.withBytes { plaintext in sink.append(base64: plaintext) }
            sink.append(ascii: #"","ciphertext":""#)
            sink.append(base64: self.dataKey.ciphertext.bytes.span)
            sink.append(ascii: "\"}\n")
        }
    }
}
