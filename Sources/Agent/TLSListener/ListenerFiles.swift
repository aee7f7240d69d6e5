// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Linux
package import LockedMemory
package import Settings

/// The files of the TLS listener. They are read anew each time, because they may be replaced.
package struct ListenerFiles: Sendable {
    package let address: ListenAddress
    private let cert: NamedFile
    private let key: NamedFile
    private let clientCA: NamedFile?
    private let memory: SecretMemory

    /// Warn of certificates that expire sooner; in seconds.
    private static let warningLead = 30 * 24 * 3600

    /// Makes paths absolute, because the working directory may change.
    ///
    /// - Returns: nil if there is no TLS listener, or if its settings are incomplete, which diagnostics of the settings
    ///   report.
    package init?(_ settings: AgentSettings.TLS, memory: SecretMemory) {
        guard let address = settings.listen, let cert = settings.cert, let key = settings.key else { return nil }
        self.address = address
        self.cert = NamedFile(setting: "tls.cert", path: cert)
        self.key = NamedFile(setting: "tls.key", path: key)
        self.clientCA = settings.clientCA.map { NamedFile(setting: "tls.client_ca", path: $0) }
        self.memory = memory
    }

    /// The files to watch.
    package var paths: [String] { [self.cert, self.key, self.clientCA].compactMap { $0?.path } }

    /// Reads all files and validates them as clients will.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: the plan, nil if there are errors among the diagnostics.
    package func read(now: Int) -> (plan: ListenerPlan?, diagnostics: [Diagnostic]) { self.read(judgingDatesAt: now) }

    /// Reads the files for a reload. Returns `current` if they hold the same certificates.
    ///
    /// - Throws: why their contents must not replace `current`.
    func successor(of current: ServerCertificate, now: Int) throws(ListenerFault) -> ServerCertificate {
        // If the certificate in use has expired, that is not a fault of the files.
        let (plan, faults) = self.read(judgingDatesAt: nil)
        guard let plan else { throw ListenerFault(faults) }
        if plan.fingerprints == current.fingerprints { return current }
        let (valid, dateFaults) = self.read(now: now)
        guard let valid else { throw ListenerFault(dateFaults) }
        do throws(CredentialError) {
            return try ServerCertificate(valid)
        } catch {
            throw ListenerFault([self.refusal(error)])
        }
    }

    /// Names the setting whose file could not be read.
    func fault(for failure: FileWorker.Failure) -> ListenerFault {
        let path: String? = if case .timedOut(let path, _) = failure { path } else { nil }
        let file = [self.cert, self.key, self.clientCA].compactMap(\.self).first { $0.path == path }
        return ListenerFault([Diagnostic(.error, at: .credential(file?.setting ?? "tls"), failure.reason)])
    }

    /// Reports a certificate that OpenSSL rejects.
    func refusal(_ error: CredentialError) -> Diagnostic {
        self.cert.diagnostic(.error, "\(error)", remedy: "use another certificate")
    }

    /// - Parameter now: nil to ignore the validity period.
    private func read(judgingDatesAt now: Int?) -> (plan: ListenerPlan?, diagnostics: [Diagnostic]) {
        var diagnostics: [Diagnostic] = []
        let certifiedKey = self.readPair(now: now, reporting: &diagnostics)
        let authorities = self.clientCA.flatMap { self.readAuthorities(of: $0, reporting: &diagnostics) }
        guard let certifiedKey, !diagnostics.contains(where: { $0.severity == .error }) else {
            return (nil, diagnostics)
        }
        let plan = ListenerPlan(address: self.address, certifiedKey: certifiedKey, clientAuthorities: authorities)
        return (plan, diagnostics)
    }

    private func readPair(now: Int?, reporting diagnostics: inout [Diagnostic]) -> CertifiedKey? {
        let chain = self.cert.read(into: self.memory, reporting: &diagnostics) { text throws(CredentialError) in
            try CertificateChain(pem: text, memory: self.memory)
        }
        let key = self.key.read(into: self.memory, reporting: &diagnostics) { text throws(CredentialError) in
            try PrivateKey(pem: text, password: nil, memory: self.memory)
        }
        if let chain {
            if let now { self.judgeDates(of: chain.leaf, now: now, reporting: &diagnostics) }
            self.judgeNames(of: chain.leaf, reporting: &diagnostics)
        }
        guard let chain, let key else { return nil }
        do throws(CredentialError) {
            return try CertifiedKey(chain: chain, key: key)
        } catch {
            diagnostics.append(
                self.key.diagnostic(
                    .error, "\(error) (certificate: \(self.cert.path))",
                    remedy: "use a certificate and the private key that belongs to it"))
            return nil
        }
    }

    private func judgeDates(of certificate: Certificate, now: Int, reporting diagnostics: inout [Diagnostic]) {
        let validity = certificate.validity
        let end = WallClock(seconds: validity.notAfter, nanoseconds: 0).rfc3339.prefix(19) + "Z"
        if validity.hasEnded(at: now) {
            let remedy = "renew it; 'keyside tls init --force' creates a new one"
            diagnostics.append(self.cert.diagnostic(.error, "the certificate expired at \(end)", remedy: remedy))
        } else if !validity.hasBegun(at: now) {
            let start = WallClock(seconds: validity.notBefore, nanoseconds: 0).rfc3339.prefix(19) + "Z"
            diagnostics.append(
                self.cert.diagnostic(
                    .error, "the certificate is not valid before \(start)",
                    remedy: "check this machine's clock, or use another certificate"))
        } else if validity.hasEnded(at: now + Self.warningLead) {
            diagnostics.append(self.cert.diagnostic(.warning, "the certificate expires at \(end)", remedy: "renew it"))
        }
    }

    private func judgeNames(of certificate: Certificate, reporting diagnostics: inout [Diagnostic]) {
        guard !certificate.hasAlternativeNames else { return }
        diagnostics.append(
            self.cert.diagnostic(
                .error, "the certificate has no subject alternative name, so no client accepts it",
                remedy: "create one with the host's name or address; 'keyside tls init' does"))
    }

    private func readAuthorities(of file: NamedFile, reporting diagnostics: inout [Diagnostic]) -> [Certificate]? {
        let list = file.read(into: self.memory, reporting: &diagnostics) { text throws(CredentialError) in
            AuthorityList(pem: text, memory: self.memory)
        }
        guard let list else { return nil }
        for fault in list.faults { diagnostics.append(file.diagnostic(.error, "\(fault)", remedy: "correct it")) }
        if list.certificates.isEmpty, list.faults.isEmpty {
            diagnostics.append(
                file.diagnostic(
                    .error, "contains no PEM certificate",
                    remedy: "use the CA certificates of the clients, or leave the setting empty"))
        }
        return list.certificates
    }
}
