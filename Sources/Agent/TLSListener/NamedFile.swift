// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Linux
import LockedMemory
import Settings

/// A file that a setting names.
struct NamedFile: Sendable {
    let setting: String
    let path: String

    /// Far more than certificates and keys need.
    private static let byteCountMax = 2 << 20

    init(setting: String, path: String) {
        self.setting = setting
        self.path = Files.absolutePath(path)
    }

    func diagnostic(_ severity: Diagnostic.Severity, _ message: String, remedy: String?) -> Diagnostic {
        Diagnostic(severity, at: .credential("\(self.setting): \(self.path)"), message, remedy: remedy)
    }

    /// Reads the file as a secret, because it may contain one, and parses it.
    ///
    /// - Returns: nil if an error was reported.
    func read<Value>(
        into memory: SecretMemory, reporting diagnostics: inout [Diagnostic],
        _ parse: (borrowing Secret) throws(CredentialError) -> Value
    ) -> Value? {
        let text: Secret
        do throws(SecretFile.Failure) {
            text = try SecretFile.read(path: self.path, byteCountMax: Self.byteCountMax, into: memory)
        } catch {
            diagnostics.append(self.diagnostic(of: error))
            return nil
        }
        do throws(CredentialError) {
            return try parse(text)
        } catch {
            diagnostics.append(self.diagnostic(.error, "\(error)", remedy: self.remedy(for: error)))
            return nil
        }
    }

    private func diagnostic(of failure: SecretFile.Failure) -> Diagnostic {
        switch failure {
        case .notRegular:
            self.diagnostic(.error, failure.reason, remedy: "use a PEM file")
        case .system, .tooLarge, .memory:
            self.diagnostic(
                .error, "cannot be read: \(failure.reason)",
                remedy: "\(failure.remedy), or create one with 'keyside tls init'")
        }
    }

    /// The remedy for an error. Nil if the error text contains one.
    private func remedy(for error: CredentialError) -> String? {
        switch error {
        case .noCertificate(let found) where found.contains { $0.hasSuffix("PRIVATE KEY") },
            .noPrivateKey(let found) where found.contains("CERTIFICATE"):
            "are 'tls.cert' and 'tls.key' swapped?"
        case .passwordMissing, .passwordWrong:
            "decrypt it with 'openssl pkey', and make the file unreadable for other users"
        case .truncated:
            "is the file still being written?"
        case _:
            "use a PEM file"
        }
    }
}
