// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory

extension Certificate {
    /// The certificate as one PEM block.
    package func pem() throws(CryptographyError) -> [UInt8] {
        let output = try PEMOutput()
        guard unsafe PEM_write_bio_X509(output.stream, self.x509) == 1 else {
            throw .reported(by: "PEM_write_bio_X509")
        }
        var text = [UInt8](repeating: 0, count: output.byteCount)
        let isTaken = unsafe text.withUnsafeMutableBytes { text in unsafe output.take(into: text) }
        guard isTaken else { throw .reported(by: "BIO_read") }
        return text
    }
}

extension PrivateKey {
    /// The key as one PEM block, PKCS #8, not encrypted.
    package func pem(in memory: SecretMemory) throws(CryptographyError) -> Secret {
        let output = try PEMOutput()
        guard unsafe PEM_write_bio_PKCS8PrivateKey(output.stream, self.key, nil, nil, 0, nil, nil) == 1 else {
            throw .reported(by: "PEM_write_bio_PKCS8PrivateKey")
        }
        var text = try memory.makeSecret(byteCount: output.byteCount)
        let isTaken = unsafe text.withUnsafeMutableBytes { text in unsafe output.take(into: text) }
        guard isTaken else { throw .reported(by: "BIO_read") }
        return text
    }
}

/// An OpenSSL buffer for text. OpenSSL wipes it when it grows and when it is released.
@safe private struct PEMOutput: ~Copyable {
    let stream: OpaquePointer

    init() throws(CryptographyError) {
        guard let stream = unsafe BIO_new(BIO_s_mem()) else { throw .reported(by: "BIO_new") }
        unsafe self.stream = stream
    }

    deinit { unsafe BIO_free(self.stream) }

    var byteCount: Int { unsafe Int(BIO_ctrl_pending(self.stream)) }

    /// - Returns: whether OpenSSL filled `text`.
    func take(into text: UnsafeMutableRawBufferPointer) -> Bool {
        unsafe BIO_read(self.stream, text.baseAddress, Int32(text.count)) == text.count
    }
}
