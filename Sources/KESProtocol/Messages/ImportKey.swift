// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService
package import LockedMemory

extension KESRequest {
    /// `{"key":"…","cipher":"AES256"}`
    package struct ImportKey: KESMessage, ~Copyable, Sendable {
        /// Key length of both ciphers.
        private static let keyByteCount = 32

        package let key: Secret
        package let algorithm: KeyAlgorithm

        package init(key: consuming Secret, algorithm: KeyAlgorithm) {
            self.key = key
            self.algorithm = algorithm
        }

        /// - Throws: KES's failure for an invalid body, an unknown cipher, or a key of the wrong length; checked in
        ///   this order.
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

        /// Consumes the request and returns its key.
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
    /// Case-sensitive. The longer names are those of stored keys. Nil for an unknown name.
    init?(kes name: String) {
        switch name {
        case "AES256", "AES256-GCM_SHA256": self = .aes256
        case "ChaCha20", "XCHACHA20-POLY1305": self = .chaCha20
        default: return nil
        }
    }

    /// KES's name of the cipher.
    var kes: String {
        switch self {
        case .aes256: "AES256"
        case .chaCha20: "ChaCha20"
        }
    }
}
