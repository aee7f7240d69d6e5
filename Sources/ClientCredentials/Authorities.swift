// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Linux
import LockedMemory

/// The authorities that were found in files, to be trusted besides the system's.
struct Authorities: Sendable {
    fileprivate(set) var certificates: [Certificate] = []
    /// What MinIO passes over without a word: a path that is missing, files that cannot be read, damaged certificates.
    fileprivate(set) var warnings: [CredentialNotice] = []

    /// What tells them from others, whatever files they lie in.
    var fingerprints: [[UInt8]] {
        Set(self.certificates.map(\.fingerprint)).sorted { $0.lexicographicallyPrecedes($1) }
    }
}

/// OpenSSL's store of authorities and of the system's.
struct Trust: Sendable {
    let store: TrustStore
    /// Of the authorities that were added; they themselves are not kept twice.
    let fingerprints: [[UInt8]]
    let warnings: [CredentialNotice]

    init(_ authorities: Authorities) throws(CredentialFault) {
        self.warnings = authorities.warnings
        self.fingerprints = authorities.fingerprints
        do throws(CryptographyError) {
            self.store = try TrustStore()
            for certificate in authorities.certificates { try self.store.add(certificate) }
        } catch {
            let notice = CredentialNotice(CredentialVariable.caPath.rawValue, "\(CredentialError.failed(error))")
            throw CredentialFault(role: .authorities, notice: notice)
        }
    }
}

extension CredentialSource {
    /// Reads `MINIO_KMS_KES_CAPATH`, a file or a folder, and Kubernetes' own folder.
    ///
    /// - Throws: when the path is a file without certificates, where MinIO does not start either.
    func readAuthorities() throws(CredentialFault) -> Authorities {
        let clusters = try? self.readFolder(CredentialFile(variable: .caPath, path: self.serviceAccountFolder))
        // Nobody asked for these, so that nobody wants to know what is wrong with them.
        var authorities = Authorities(certificates: clusters?.certificates ?? [])
        if let path = self.caPath {
            authorities += try self.readNamed(CredentialFile(variable: .caPath, path: path))
        }
        return authorities
    }

    private func readNamed(_ place: CredentialFile) throws(CredentialFault) -> Authorities {
        let isFolder = place.kind == .directory
        var authorities: Authorities
        do throws(CredentialFault) {
            authorities = isFolder ? try self.readFolder(place) : try self.readFile(place)
        } catch {
            return Authorities(warnings: [error.notice])
        }
        if authorities.certificates.isEmpty, authorities.warnings.isEmpty {
            let message = isFolder ? "no file in it contains a PEM certificate" : "contains no PEM certificate"
            authorities.warnings = [place.notice(message, remedy: "expected '-----BEGIN CERTIFICATE-----'")]
        }
        if authorities.certificates.isEmpty, !isFolder {
            throw CredentialFault(role: .authorities, notice: authorities.warnings[0])
        }
        return authorities
    }

    private func readFolder(_ folder: CredentialFile) throws(CredentialFault) -> Authorities {
        var authorities = Authorities()
        for file in try folder.filesInFolder() {
            do throws(CredentialFault) {
                authorities += try self.readFile(file)
            } catch {
                authorities.warnings.append(error.notice)
            }
        }
        return authorities
    }

    /// A file that holds no certificate, which many in a folder do not, is no fault by itself.
    private func readFile(_ file: CredentialFile) throws(CredentialFault) -> Authorities {
        let list = AuthorityList(pem: try file.read(into: self.memory), memory: self.memory)
        return Authorities(certificates: list.certificates, warnings: list.faults.map { file.notice("\($0)") })
    }
}

extension Authorities {
    fileprivate static func += (left: inout Authorities, right: Authorities) {
        left.certificates += right.certificates
        left.warnings += right.warnings
    }
}
