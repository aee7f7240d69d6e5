// SPDX-License-Identifier: Apache-2.0

import Linux

/// What the files of credentials hold at one moment, or why it cannot replace what is in use.
struct CredentialReading: Sendable {
    let client: Result<ClientCredential, CredentialFault>
    let trust: Result<Trust, CredentialFault>

    /// Whether a reading failed, and memory was refused meanwhile. Then a good certificate may look like a bad one, and nothing
    /// is to be concluded.
    var lacksMemory = false

    /// Reads the files.
    init(of source: CredentialSource, inUse current: Credentials, now: Int) {
        self.client = Result { () throws(CredentialFault) in try source.successor(of: current.client, now: now) }
        self.trust = Result { () throws(CredentialFault) in try source.successor(of: current.trust) }
    }

    /// For files that could not be read in time. What the fault is not about stays as it is.
    init(failed fault: CredentialFault, inUse current: Credentials) {
        self.client = fault.role == .client ? .failure(fault) : .success(current.client)
        self.trust = fault.role == .authorities ? .failure(fault) : .success(current.trust)
    }
}

extension CredentialSource {
    /// Names the variable whose file did not answer.
    func fault(for failure: FileWorker.Failure) -> CredentialFault {
        let path = if case .timedOut(let path?, _) = failure { path } else { "" }
        let isAuthorities = [self.caPath, self.serviceAccountFolder].contains { $0.map(path.hasPrefix) ?? false }
        let variable: CredentialVariable =
            switch self.authentication {
            case _ where isAuthorities: .caPath
            case .apiKey: .caPath
            case .certificate(_, let keyFile, _): path == keyFile ? .keyFile : .certFile
            }
        let notice = CredentialNotice(variable.rawValue, failure.reason)
        return CredentialFault(role: variable.role, notice: notice)
    }
}
