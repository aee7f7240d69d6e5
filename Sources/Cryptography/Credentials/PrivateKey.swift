// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import LockedMemory

/// A private key of any kind that TLS knows: RSA, ECDSA, Ed25519.
///
/// OpenSSL holds it, where ``OpenSSLMemory`` has it allocate: in locked memory.
///
/// `@unchecked Sendable`: nobody changes it, and its references are counted atomically.
@safe package final class PrivateKey: @unchecked Sendable {
    /// Labels of what else the text holds. MinIO refuses a key that is not alone in its file.
    package let otherBlocks: [String]

    let key: OpaquePointer

    /// Reads the first private key of a text in PEM: PKCS#8, PKCS#1 or SEC 1, as it is or encrypted in one of the two ways
    /// there are, PKCS#8's own and that of OpenSSL's old key files.
    ///
    /// - Parameter password: what an encrypted key is tried with; nil is tried as the empty one.
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

    /// The key that a seed of 32 bytes stands for: RFC 8032.
    init(ed25519 seed: borrowing Secret) throws(CryptographyError) {
        let key = unsafe seed.withUnsafeBytes { seed in
            unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed.baseAddress, seed.count)
        }
        guard let key = unsafe key else { throw .reported(by: "EVP_PKEY_new_raw_private_key") }
        unsafe self.key = key
        self.otherBlocks = []
    }

    /// Takes over a key of OpenSSL's.
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
                throw .wrongPassword(password)  // The padding is right by chance once in 256 times.
            }
        case (let label, _):
            throw .unsupportedKey(label: label)
        }
    }

    /// Any of the three unencrypted forms. Which one it is can be seen, and labels are not always right.
    private static func decode(_ der: borrowing Secret, of block: PEMBlock) throws(CredentialError) -> OpaquePointer {
        let key = unsafe der.withUnsafeBytes { bytes in
            var start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
            return unsafe d2i_AutoPrivateKey(nil, &start, bytes.count)
        }
        guard let key = unsafe key else { throw .malformed(block) }
        return unsafe key
    }

    /// PKCS#8's `EncryptedPrivateKeyInfo`: what OpenSSL 3 writes by itself, and MinIO does not read.
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
    /// What a password that does not do is called.
    static func wrongPassword(_ password: SharedSecret?) -> Self { password == nil ? .passwordMissing : .passwordWrong }

    /// What OpenSSL has just found in a block.
    static func malformed(_ block: PEMBlock) -> Self {
        .malformed(label: block.label, line: block.line, reason: OpenSSLLibrary.takeReason())
    }
}
