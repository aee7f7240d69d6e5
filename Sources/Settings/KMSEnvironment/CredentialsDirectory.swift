// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LockedMemory

/// The credentials that systemd passes to a service (`LoadCredential=` and others, systemd.exec(5)): files in a memory
/// file system that only the service can read.
///
/// Each one supplies a variable: `minio-kms-kes-api-key` holds the value of `MINIO_KMS_KES_API_KEY`. If the variable
/// names a file, the credential may also be that file itself, which is recognised as PEM.
struct CredentialsDirectory {
    /// The variable of systemd that names the directory.
    static let variable = "CREDENTIALS_DIRECTORY"

    private static let byteCountMax = 1 << 20

    private(set) var entries: [MergedEnvironment.Entry] = []
    private(set) var diagnostics: [Diagnostic] = []

    /// - Throws: only for lack of locked memory.
    init(path: String, memory: SecretMemory) throws(LockedMemoryError) {
        for variable in KMSVariable.allCases {
            let file = "\(path)/\(variable.credential)"
            switch try ReadableFile(path: file, byteCountMax: Self.byteCountMax, memory: memory) {
            case .contents(let contents):
                let value = Self.value(of: variable, in: contents, from: file)
                self.entries.append(
                    MergedEnvironment.Entry(name: variable.rawValue, value: value, place: .file(file)))
            case .missing:
                break
            case .unreadable(let reason):
                self.diagnostics.report(
                    .error, at: .file(file), reason, remedy: "use a credential that is a regular file")
            }
        }
    }

    private static func value(
        of variable: KMSVariable, in contents: SharedSecret, from file: String
    ) -> EnvironmentBlock.Value {
        if variable.isSecret { return .secret(contents) }
        return contents.value.withBytes { bytes in
            variable.isFile && bytes.holdsPEM ? .text(file) : .text(String(repairing: bytes))
        }
    }
}

extension KMSVariable {
    /// The name of the credential for the variable.
    var credential: String { self.rawValue.lowercased().replacing("_", with: "-") }
}

extension Span<UInt8> {
    /// Whether a line begins like PEM.
    fileprivate var holdsPEM: Bool {
        let mark = Array("-----BEGIN ".utf8)
        return self.indices.contains { start in
            (start == 0 || self[start - 1] == UInt8(ascii: "\n")) && self.count - start >= mark.count
                && mark.indices.allSatisfy { self[start + $0] == mark[$0] }
        }
    }
}
