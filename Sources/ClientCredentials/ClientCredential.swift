// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Linux
import LockedMemory

/// The agent's identity, and what the operator should know about it.
struct ClientCredential: Sendable {
    let identity: CertifiedKey
    /// What works, but perhaps not as the operator thinks.
    let warnings: [CredentialNotice]
    /// Nil where the certificate was made from an API key.
    fileprivate let certFile: CredentialFile?

    /// What tells it from another: its certificates. That the key belongs to them has been checked.
    var fingerprints: [[UInt8]] { self.identity.chain.certificates.map(\.fingerprint) }

    /// From when on a certificate that was made from an API key is to be replaced: a third of its time before its end.
    var renewAt: Int? {
        let validity = self.identity.validity
        return self.certFile == nil ? validity.notAfter - (validity.notAfter - validity.notBefore) / 3 : nil
    }

    /// What is wrong with the dates of a certificate from a file.
    func dateFault(at now: Int) -> CredentialFault? { self.certFile?.dateFault(of: self.identity.validity, at: now) }
}

extension CredentialFile {
    fileprivate func dateFault(of validity: Validity, at now: Int) -> CredentialFault? {
        if validity.hasEnded(at: now) {
            return self.fault("the certificate expired at \(Self.text(of: validity.notAfter))", remedy: "renew it")
        }
        if !validity.hasBegun(at: now) {
            return self.fault(
                "the certificate is not valid before \(Self.text(of: validity.notBefore))",
                remedy: "check this machine's clock, or name another certificate"
            )
        }
        return nil
    }

    /// Seconds since 1970 as `2026-01-02T03:04:05Z`.
    private static func text(of seconds: Int) -> String {
        WallClock(seconds: seconds, nanoseconds: 0).rfc3339.prefix(19) + "Z"
    }
}

extension CredentialSource {
    /// Makes a certificate from the API key, or reads certificate and key.
    ///
    /// - Parameter now: seconds since 1970.
    func readClient(now: Int) throws(CredentialFault) -> ClientCredential {
        switch self.authentication {
        case .apiKey(let apiKey):
            return try self.makeClient(apiKey: apiKey, now: now)
        case .certificate(let certFile, let keyFile, let password):
            return try self.readClient(
                certFile: CredentialFile(variable: .certFile, path: certFile),
                keyFile: CredentialFile(variable: .keyFile, path: keyFile),
                password: password,
                now: now
            )
        }
    }

    private func makeClient(apiKey: SharedSecret, now: Int) throws(CredentialFault) -> ClientCredential {
        do throws(CredentialError) {
            let identity = try CertifiedKey(apiKey: apiKey.value, now: now, memory: self.memory)
            return ClientCredential(identity: identity, warnings: [], certFile: nil)
        } catch {
            let notice = CredentialNotice(CredentialVariable.apiKey.rawValue, "\(error)")
            throw CredentialFault(role: .client, notice: notice)
        }
    }

    private func readClient(
        certFile: CredentialFile,
        keyFile: CredentialFile,
        password: SharedSecret?,
        now: Int
    ) throws(CredentialFault) -> ClientCredential {
        let chain = try self.readChain(from: certFile)
        let key = try self.readKey(from: keyFile, password: password)
        do throws(CredentialError) {
            let identity = try CertifiedKey(chain: chain, key: key)
            let warnings = [
                certFile.dateFault(of: identity.validity, at: now)?.notice,
                Self.objection(to: identity, from: certFile),
                Self.warning(about: key, from: keyFile),
            ]
            .compactMap(\.self)
            return ClientCredential(identity: identity, warnings: warnings, certFile: certFile)
        } catch {
            throw keyFile.fault("\(error) (certificate: \(certFile.path))", remedy: error.remedy)
        }
    }

    private func readChain(from file: CredentialFile) throws(CredentialFault) -> CertificateChain {
        let text = try file.read(into: self.memory)
        do throws(CredentialError) {
            return try CertificateChain(pem: text, memory: self.memory)
        } catch {
            throw file.fault("\(error)", remedy: error.remedy)
        }
    }

    private func readKey(from file: CredentialFile, password: SharedSecret?) throws(CredentialFault) -> PrivateKey {
        let text = try file.read(into: self.memory)
        do throws(CredentialError) {
            return try PrivateKey(pem: text, password: password, memory: self.memory)
        } catch {
            throw file.fault("\(error)", remedy: error.remedy)
        }
    }

    private static func objection(to identity: CertifiedKey, from file: CredentialFile) -> CredentialNotice? {
        switch identity.kesObjection {
        case .isAuthority:
            file.notice(
                "the certificate is that of an authority (CA:TRUE), which KES passes over",
                remedy: "make it with 'openssl req -x509 -addext basicConstraints=CA:FALSE'"
            )
        case .severalOthers(let count):
            file.notice(
                "has \(count) certificates that are no authority's, and KES takes only one",
                remedy: "leave the client's own, and those of the authorities above it"
            )
        case nil:
            nil
        }
    }

    private static func warning(about key: PrivateKey, from file: CredentialFile) -> CredentialNotice? {
        guard !key.otherBlocks.isEmpty else { return nil }
        let others = key.otherBlocks.joined(separator: ", ")
        return file.notice(
            "holds \(others) besides the private key; MinIO refuses this", remedy: "leave the key alone in it")
    }
}

extension CredentialError {
    /// What to do, where that is not plain from what is wrong.
    fileprivate var remedy: String? {
        switch self {
        case .noCertificate(let found) where found.contains { $0.hasSuffix("PRIVATE KEY") },
            .noPrivateKey(let found) where found.contains("CERTIFICATE"):
            "are \(CredentialVariable.certFile.rawValue) and \(CredentialVariable.keyFile.rawValue) swapped?"
        case .passwordMissing:
            "set \(CredentialVariable.password.rawValue)"
        case .passwordWrong:
            "correct \(CredentialVariable.password.rawValue)"
        case .truncated:
            "is the file still being written?"
        case .noCertificate, .noPrivateKey, .notBase64, .malformed, .unsupportedKey, .malformedEncryption,
            .unsupportedEncryption, .costlyEncryption, .keyOfAnotherCertificate, .authorityAsClient, .severalClients,
            .unacceptableKey, .refused, .failed,
            .apiKeyNotBase64, .apiKeyByteCount, .apiKeyType:
            nil
        }
    }
}
