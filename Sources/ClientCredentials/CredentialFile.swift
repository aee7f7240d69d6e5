// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import LockedMemory

/// The variables that name credentials: what to point at when something is wrong with one.
enum CredentialVariable: String {
    case apiKey = "MINIO_KMS_KES_API_KEY"
    case certFile = "MINIO_KMS_KES_CERT_FILE"
    case keyFile = "MINIO_KMS_KES_KEY_FILE"
    case password = "MINIO_KMS_KES_KEY_PASSWORD"
    case caPath = "MINIO_KMS_KES_CAPATH"

    var role: CredentialRole {
        switch self {
        case .apiKey, .certFile, .keyFile, .password: .client
        case .caPath: .authorities
        }
    }
}

/// A file that a variable names, or that lies in a folder which it names.
struct CredentialFile: Sendable {
    let variable: CredentialVariable
    let path: String

    /// Far more than any has.
    private static let byteCountMax = 2 << 20

    var place: String { "\(self.variable.rawValue): \(self.path)" }

    func notice(_ message: String, remedy: String? = nil) -> CredentialNotice {
        CredentialNotice(self.place, message, remedy: remedy)
    }

    func fault(_ message: String, remedy: String? = nil) -> CredentialFault {
        CredentialFault(role: self.variable.role, notice: self.notice(message, remedy: remedy))
    }

    /// Reads it as if it held a secret, as any of them may: a key can stand in one file with its certificate, or lie in
    /// one folder with authorities.
    func read(into memory: SecretMemory) throws(CredentialFault) -> Secret {
        do throws(SecretFile.Failure) {
            return try SecretFile.read(path: self.path, byteCountMax: Self.byteCountMax, into: memory)
        } catch {
            throw self.unreadable(error)
        }
    }

    /// Nil if there is nothing, or if it cannot be reached.
    var kind: FileKind? { try? FileKind(at: self.path) }

    /// The files in a folder, links followed, folders passed over.
    func filesInFolder() throws(CredentialFault) -> [CredentialFile] {
        do throws(SystemError) {
            return try Files.names(in: self.path)
                .map { CredentialFile(variable: self.variable, path: "\(self.path)/\($0)") }
                .filter { $0.kind == .file }
        } catch {
            throw self.unreadable(.system(error.code))
        }
    }

    private func unreadable(_ failure: SecretFile.Failure) -> CredentialFault {
        switch failure {
        case .notRegular, .system(EISDIR): self.fault(failure.reason, remedy: "name a file in PEM")
        case .system, .tooLarge, .memory:
            self.fault("cannot be read: \(failure.reason)", remedy: failure.remedy)
        }
    }
}
