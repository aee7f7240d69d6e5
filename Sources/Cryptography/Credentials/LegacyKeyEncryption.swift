// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import LockedMemory

/// The encryption of OpenSSL's old key files. A header of the block names it: `DEK-Info: AES-128-CBC,30EDA1…`.
///
/// The key is derived with one round of OpenSSL's `EVP_BytesToKey`, MD5 over password and salt. The salt is the first 8
/// bytes of the IV. Weak, but MinIO accepts it.
struct LegacyKeyEncryption {
    private let cipher: Cipher
    private let iv: [UInt8]

    private enum Cipher: String {
        case des = "DES-CBC"
        case tripleDES = "DES-EDE3-CBC"
        case aes128 = "AES-128-CBC"
        case aes192 = "AES-192-CBC"
        case aes256 = "AES-256-CBC"

        var ivByteCount: Int {
            switch self {
            case .des, .tripleDES: 8
            case .aes128, .aes192, .aes256: 16
            }
        }

        /// The cipher to use. OpenSSL 3 has DES only in its legacy provider, which may be missing. Triple DES with the
        /// same key three times equals DES.
        var worker: (name: String, keyRepetitions: Int) { self == .des ? ("DES-EDE3-CBC", 3) : (self.rawValue, 1) }
    }

    /// - Throws: `.malformedEncryption`, `.unsupportedEncryption`.
    init(header: String) throws(CredentialError) {
        let parts = header.filter { $0 != " " }.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let iv = [UInt8](hexadecimal: parts[1]) else {
            throw .malformedEncryption
        }
        guard let cipher = Cipher(rawValue: String(parts[0])) else { throw .unsupportedEncryption(String(parts[0])) }
        guard iv.count == cipher.ivByteCount else { throw .malformedEncryption }
        self.cipher = cipher
        self.iv = iv
    }

    /// - Returns: the decrypted bytes. Only parsing shows whether they are a key.
    /// - Throws: `.passwordWrong`, `.passwordMissing`, `.failed`.
    func decrypt(
        _ contents: borrowing Secret,
        password: SharedSecret?,
        memory: SecretMemory
    ) throws(CredentialError) -> Secret {
        let plain: Secret?
        do throws(CryptographyError) {
            guard let worker = unsafe EVP_CIPHER_fetch(nil, self.cipher.worker.name, nil) else {
                throw .reported(by: "EVP_CIPHER_fetch")
            }
            defer { unsafe EVP_CIPHER_free(worker) }
            let key: Secret
            if let password {
                key = unsafe try self.deriveKey(for: worker, from: password.value, memory: memory)
            } else {
                key = unsafe try self.deriveKey(for: worker, from: memory.makeSecret(byteCount: 0), memory: memory)
            }
            plain = unsafe try self.decrypt(contents, with: worker, key: key, memory: memory)
        } catch {
            throw .failed(error)
        }
        guard let plain else { throw .wrongPassword(password) }
        return plain
    }

    private func deriveKey(
        for worker: OpaquePointer,
        from password: borrowing Secret,
        memory: SecretMemory
    ) throws(CryptographyError) -> Secret {
        let byteCount = Int(unsafe EVP_CIPHER_get_key_length(worker))
        var key = try memory.makeSecret(byteCount: byteCount)
        let derived = unsafe password.withUnsafeBytes { password in
            unsafe key.withUnsafeMutableBytes { key in
                unsafe EVP_BytesToKey(
                    worker,
                    EVP_md5(),
                    self.iv,
                    password.bindMemory(to: UInt8.self).baseAddress,
                    Int32(password.count),
                    1,
                    key.bindMemory(to: UInt8.self).baseAddress,
                    nil
                )
            }
        }
        guard derived == byteCount else { throw .reported(by: "EVP_BytesToKey") }
        let period = byteCount / self.cipher.worker.keyRepetitions
        key.withMutableBytes { key in
            for index in period..<byteCount { key[index] = key[index - period] }
        }
        return key
    }

    /// - Returns: nil if the padding is invalid.
    private func decrypt(
        _ contents: borrowing Secret,
        with worker: OpaquePointer,
        key: borrowing Secret,
        memory: SecretMemory
    ) throws(CryptographyError) -> Secret? {
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .reported(by: "EVP_CIPHER_CTX_new") }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let started = unsafe key.withUnsafeBytes { key in
            unsafe EVP_DecryptInit_ex2(context, worker, key.bindMemory(to: UInt8.self).baseAddress, self.iv, nil)
        }
        guard started == 1 else { throw .reported(by: "EVP_DecryptInit_ex2") }
        var plain = try memory.makeSecret(byteCount: contents.byteCount + self.iv.count)
        var byteCount: Int32 = 0
        var lastByteCount: Int32 = 0
        let isFinished = unsafe contents.withUnsafeBytes { contents in
            unsafe plain.withUnsafeMutableBytes { plain in
                let input = unsafe contents.bindMemory(to: UInt8.self).baseAddress
                guard let output = unsafe plain.bindMemory(to: UInt8.self).baseAddress,
                    unsafe EVP_DecryptUpdate(context, output, &byteCount, input, Int32(contents.count)) == 1
                else { return false }
                return unsafe EVP_DecryptFinal_ex(context, output + Int(byteCount), &lastByteCount) == 1
            }
        }
        guard isFinished else {
            ERR_clear_error()
            return nil
        }
        plain.truncate(to: Int(byteCount + lastByteCount))
        return plain
    }
}

extension [UInt8] {
    /// Nil if the text is not a sequence of pairs of hexadecimal digits.
    fileprivate init?(hexadecimal text: some StringProtocol) {
        let digits = text.compactMap { $0.isASCII ? $0.hexDigitValue.map(UInt8.init) : nil }
        guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
