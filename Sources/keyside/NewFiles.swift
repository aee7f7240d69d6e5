// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc
import Linux
import LockedMemory

/// Files that a command creates. Existing files are replaced only with `--force`.
struct NewFiles {
    let replacing: Bool

    /// Call before writing anything, so that either all files are written or none.
    func checkAbsence(of paths: [String]) throws {
        guard !self.replacing, let path = paths.first(where: Files.exists) else { return }
        throw CommandFailure(.failed, Self.refusal(of: path))
    }

    /// With mode 0600.
    func write(_ key: PrivateKey, to path: String, memory: SecretMemory) throws {
        let text = try CommandFailure.wrapping { () throws(CryptographyError) in try key.pem(in: memory) }
        try self.write(text, to: path)
    }

    func write(_ certificate: Certificate, to path: String) throws {
        let text = try CommandFailure.wrapping { () throws(CryptographyError) in try certificate.pem() }
        try self.write(text.span, to: path, mode: 0o644)
    }

    /// With mode 0600.
    func write(_ secret: borrowing Secret, to path: String) throws {
        try secret.withBytes { bytes in try self.write(bytes, to: path, mode: 0o600) }
    }

    private func write(_ bytes: Span<UInt8>, to path: String, mode: UInt32) throws {
        do throws(SystemError) {
            try Files.write(bytes, to: path, mode: mode, replacing: self.replacing)
        } catch {
            guard error.code != EEXIST else { throw CommandFailure(.failed, Self.refusal(of: path)) }
            throw CommandFailure(.inputOutput, "cannot \(error)")
        }
    }

    private static func refusal(of path: String) -> String {
        "\(path): the file exists; choose another path, or replace it with --force"
    }
}
