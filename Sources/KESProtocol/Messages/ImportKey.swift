// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService
package import LockedMemory

extension KESRequest {
    /// `{"key":"…","cipher":"AES256"}`
    package struct ImportKey: KESMessage, ~Copyable, Sendable {
        /// Both ciphers have keys of this length.
        private static let keyByteCount = 32

        package let key: Secret
        package let algorithm: KeyAlgorithm

        package init(key: consuming Secret, algorithm: KeyAlgorithm) {
            self.key = key
            self.algorithm = algorithm
        }

        /// - Throws: the answer to a body that is none, to a cipher that KES does not know, or to a key of another length
        ///   than the cipher's, in this order.
        package init(decoding body: Span<UInt8>, memory: SecretMemory) throws(KESFailure) {
            var key: Secret?
            var cipher: String?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let name = try reader.nextMember(in: body) {
                    switch name {
                    case "key": try reader.readBase64(into: &key, memory: memory, in: body)
                    case "cipher": try reader.readString(into: &cipher, in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw KESFailure(error, at: .importKey)
            }
            let name = cipher ?? ""
            guard let algorithm = KeyAlgorithm(kes: name) else {
                throw KESFailure(status: 406, message: "algorithm '\(name)' is not supported")
            }
            guard let key, key.byteCount == Self.keyByteCount else {
                throw KESFailure(status: 406, message: "invalid key size for '\(name)'")
            }
            self.init(key: key, algorithm: algorithm)
        }

        /// Ends the request and hands on what it brought.
        package consuming func takeKey() -> Secret { self.key }

        package func write<Sink: KESMessageSink & ~Copyable & ~Escapable>(to sink: inout Sink) {
            sink.append(ascii: #"{"key":""#)
            self.key.withBytes { key in sink.append(base64: key) }
            sink.append(ascii: #"","cipher":""#)
            sink.append(text: self.algorithm.kes)
            sink.append(ascii: #""}"#)
        }
    }
}

extension KeyAlgorithm {
    /// The cipher of a name, exact in case; the longer ones are those of stored keys. Nil for any other.
    init?(kes name: String) {
        switch name {
        case "AES256", "AES256-GCM_SHA256": self = .aes256
        case "ChaCha20", "XCHACHA20-POLY1305": self = .chaCha20
        default: return nil
        }
    }

    /// The name that KES itself gives.
    var kes: String {
        switch self {
        case .aes256: "AES256"
        case .chaCha20: "ChaCha20"
        }
    }
}
