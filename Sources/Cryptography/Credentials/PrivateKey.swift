// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory

/// A private key for TLS: RSA, ECDSA or Ed25519.
///
/// OpenSSL holds it in locked memory; see ``OpenSSLMemory``.
///
/// `@unchecked Sendable`: immutable, and OpenSSL counts references atomically.
@safe package final class PrivateKey: @unchecked Sendable {
    /// Labels of other blocks in the text. MinIO refuses a key file with other blocks.
    package let otherBlocks: [String]

    let key: OpaquePointer

    /// Parses the first private key of a PEM text: PKCS#8, PKCS#1 or SEC 1, optionally encrypted, by PKCS#8's own
    /// method or by that of OpenSSL's old key files.
    ///
    /// - Parameter password: for an encrypted key; nil counts as empty.
    /// - Throws: ``CredentialError``.
    package init(
        pem text: borrowing Secret,
        password: SharedSecret?,
        memory: SecretMemory
    ) throws(CredentialError) {
        let blocks = PEMBlock.all(in: text)
        guard let position = blocks.firstIndex(where: \.isPrivateKey) else {
            throw .noPrivateKey(found: blocks.map(\.label))
        }
        unsafe self.key = try Self.read(blocks[position], of: text, password: password, memory: memory)
        self.otherBlocks = blocks.enumerated().filter { $0.offset != position }.map(\.element.label)
    }

    /// The key of a 32-byte seed, RFC 8032.
    init(ed25519 seed: borrowing Secret) throws(CryptographyError) {
        let key = unsafe seed.withUnsafeBytes { seed in
            unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed.baseAddress, seed.count)
        }
        guard let key = unsafe key else { throw .reported(by: "EVP_PKEY_new_raw_private_key") }
        unsafe self.key = key
        self.otherBlocks = []
    }

    /// Takes ownership of a key.
    init(owning key: OpaquePointer) {
        unsafe self.key = key
        self.otherBlocks = []
    }

    deinit { unsafe EVP_PKEY_free(self.key) }

    /// Whether it is the key of a certificate.
    func belongs(to certificate: Certificate) -> Bool {
        defer { ERR_clear_error() }
        return unsafe X509_check_private_key(certificate.x509, self.key) == 1
    }

    private static func read(
        _ block: PEMBlock,
        of text: borrowing Secret,
        password: SharedSecret?,
        memory: SecretMemory
    ) throws(CredentialError) -> OpaquePointer {
        let contents = try block.contents(of: text, in: memory)
        switch (block.label, block.encryption) {
        case ("ENCRYPTED PRIVATE KEY", _):
            return unsafe try Self.decrypt(contents, of: block, password: password)
        case ("PRIVATE KEY", let header), ("RSA PRIVATE KEY", let header), ("EC PRIVATE KEY", let header):
            guard let header else { return unsafe try Self.decode(contents, of: block) }
            let plain = try LegacyKeyEncryption(header: header).decrypt(contents, password: password, memory: memory)
            do throws(CredentialError) {
                return unsafe try Self.decode(plain, of: block)
            } catch {
                throw .wrongPassword(password)  // The padding is valid by chance once in 256 times.
            }
        case (let label, _):
            throw .unsupportedKey(label: label)
        }
    }

    /// Parses any of the three unencrypted formats. The contents show which one; labels are not always right.
    private static func decode(_ der: borrowing Secret, of block: PEMBlock) throws(CredentialError) -> OpaquePointer {
        let key = unsafe der.withUnsafeBytes { bytes in
            var start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
            return unsafe d2i_AutoPrivateKey(nil, &start, bytes.count)
        }
        guard let key = unsafe key else { throw .malformed(block) }
        return unsafe key
    }

    /// Decrypts PKCS#8's `EncryptedPrivateKeyInfo`, which OpenSSL 3 writes by default and MinIO does not read.
    private static func decrypt(
        _ der: borrowing Secret,
        of block: PEMBlock,
        password: SharedSecret?
    ) throws(CredentialError) -> OpaquePointer {
        let encrypted = unsafe der.withUnsafeBytes { bytes in
            var start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
            return unsafe d2i_X509_SIG(nil, &start, bytes.count)
        }
        guard let encrypted = unsafe encrypted else { throw .malformed(block) }
        defer { unsafe X509_SIG_free(encrypted) }
        guard let info = unsafe Self.decrypt(encrypted, password: password) else {
            let cause = ERR_peek_error()
            ERR_clear_error()
            if keyside_is_out_of_memory(cause) == 1 { throw .costlyEncryption }
            if keyside_is_unsupported(cause) == 1 { throw .unsupportedEncryption(unsafe Self.name(of: encrypted)) }
            throw .wrongPassword(password)
        }
        defer { unsafe PKCS8_PRIV_KEY_INFO_free(info) }
        guard let key = unsafe EVP_PKCS82PKEY(info) else { throw .malformed(block) }
        return unsafe key
    }

    private static func decrypt(_ encrypted: OpaquePointer, password: SharedSecret?) -> OpaquePointer? {
        guard let password else { return unsafe PKCS8_decrypt(encrypted, "", 0) }
        return unsafe password.value.withUnsafeBytes { password in
            unsafe PKCS8_decrypt(encrypted, password.bindMemory(to: CChar.self).baseAddress, Int32(password.count))
        }
    }

    /// The name of an encryption: `pbeWithMD5AndDES-CBC`.
    private static func name(of encrypted: OpaquePointer) -> String {
        var algorithm: UnsafePointer<X509_ALGOR>?
        unsafe X509_SIG_get0(encrypted, &algorithm, nil)
        guard let algorithm = unsafe algorithm, let name = unsafe OBJ_nid2ln(OBJ_obj2nid(algorithm.pointee.algorithm))
        else { return "an unknown cipher" }
        return unsafe String(cString: name)
    }
}

extension CredentialError {
    /// The error for a password that does not match.
    static func wrongPassword(_ password: SharedSecret?) -> Self { password == nil ? .passwordMissing : .passwordWrong }

    /// The error that OpenSSL has just reported for a block.
    static func malformed(_ block: PEMBlock) -> Self {
        .malformed(label: block.label, line: block.line, reason: OpenSSLLibrary.takeReason())
    }
}
