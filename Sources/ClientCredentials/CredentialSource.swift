// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Linux
package import LockedMemory

/// What an agent proves who it is with and whom it believes, as the operator names it. Files are read anew each time.
package struct CredentialSource: Sendable {
    package enum Authentication: Sendable {
        case apiKey(SharedSecret)
        case certificate(certFile: String, keyFile: String, password: SharedSecret?)
    }

    let authentication: Authentication
    let caPath: String?
    let memory: SecretMemory
    let serviceAccountFolder: String

    /// Where Kubernetes puts its own authority. MinIO trusts it, so that a key server in the same cluster can use it.
    private static let serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Paths become absolute here: the working folder may change.
    ///
    /// - Parameter caPath: a file or folder of authorities, trusted besides the system's.
    package init(
        authentication: Authentication,
        caPath: String?,
        memory: SecretMemory,
        serviceAccountFolder: String = Self.serviceAccountFolder
    ) {
        self.authentication = authentication.withAbsolutePaths
        self.caPath = caPath.map(Files.absolutePath)
        self.memory = memory
        self.serviceAccountFolder = serviceAccountFolder
    }

    /// The files and folders that credentials come from.
    package var paths: [String] {
        let authorities = [self.caPath, self.serviceAccountFolder].compactMap(\.self)
        switch self.authentication {
        case .apiKey: return authorities
        case .certificate(let certFile, let keyFile, _): return [certFile, keyFile] + authorities
        }
    }

    /// Everything, as at the start of an agent. What MinIO lets pass is only warned of, dates included: KES does not look
    /// at them unless it is told to.
    ///
    /// - Parameter now: seconds since 1970.
    package func load(now: Int) throws(CredentialFault) -> Credentials {
        let client = try self.readClient(now: now)
        let trust = try Trust(self.readAuthorities())
        return Credentials(client: client, trust: trust)
    }

    /// What is to replace the client's certificate now: the same, if nothing is.
    ///
    /// - Throws: why what the files hold must not replace it.
    func successor(of current: ClientCredential, now: Int) throws(CredentialFault) -> ClientCredential {
        if let renewAt = current.renewAt, (current.identity.validity.notBefore..<renewAt).contains(now) {
            return current
        }
        let found = try self.readClient(now: now)
        if found.fingerprints == current.fingerprints { return current }
        if let fault = found.dateFault(at: now) { throw fault }
        return found
    }

    /// As ``successor(of:now:)``, for the authorities. What MinIO lets pass at its start must not cost them later.
    func successor(of current: Trust) throws(CredentialFault) -> Trust {
        let found = try self.readAuthorities()
        if let warning = found.warnings.first(where: { !current.warnings.contains($0) }) {
            throw CredentialFault(role: .authorities, notice: warning)
        }
        return found.fingerprints == current.fingerprints ? current : try Trust(found)
    }
}

extension CredentialSource.Authentication {
    fileprivate var withAbsolutePaths: Self {
        switch self {
        case .apiKey:
            self
        case .certificate(let certFile, let keyFile, let password):
            .certificate(
                certFile: Files.absolutePath(certFile),
                keyFile: Files.absolutePath(keyFile),
                password: password
            )
        }
    }
}

/// What is in use, or is to be.
package struct Credentials: Sendable {
    package let tls: ClientTLS
    let client: ClientCredential
    let trust: Trust

    init(client: ClientCredential, trust: Trust) {
        self.client = client
        self.trust = trust
        self.tls = ClientTLS(identity: client.identity, trust: trust.store)
    }

    package var identity: CertifiedKey { self.client.identity }
    /// What works, but perhaps not as the operator thinks.
    package var warnings: [CredentialNotice] { self.client.warnings + self.trust.warnings }
}
