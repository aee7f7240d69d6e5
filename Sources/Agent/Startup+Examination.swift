// SPDX-License-Identifier: Apache-2.0

import ClientCredentials
import Cryptography
import CurlTransport
import KESBackend
import KeyService
import Linux
import LockedMemory
package import Settings

extension Startup {
    /// Checks files and backend as thoroughly as a start would, without serving.
    ///
    /// - Parameter connecting: whether to try every key server, from DNS lookup to data key.
    package func examine(connecting: Bool) async throws(AgentFailure) -> BackendFindings {
        var findings = BackendFindings()
        findings.memory = self.memoryFindings
        if let shortfall = self.budget.shortfall {
            findings.diagnostics.append(
                Diagnostic(.error, at: .credential("memory"), shortfall.message, remedy: nil))
        }
        if let listener = self.listenerFiles?.read(now: WallClock.currentSecond()) {
            findings.diagnostics += listener.diagnostics
            findings.listenerValidUntil = listener.plan?.certifiedKey.validity.end
        }
        guard case .kes(let kes) = self.configuration.backend else { return findings }
        findings.systemAuthorities = SystemAuthorities().description
        let credentials: Credentials
        do throws(CredentialFault) {
            credentials = try CredentialSource(kes, memory: self.memory.ownSecrets).load(now: WallClock.currentSecond())
        } catch {
            findings.diagnostics.append(Diagnostic(.error, error.notice))
            return findings
        }
        findings.identity = credentials.identity.identity
        findings.validUntil = credentials.identity.validity.end
        findings.diagnostics += credentials.warnings.map { Diagnostic(.warning, $0) }
        if connecting { findings.trials = try await self.tryServers(of: kes, with: credentials) }
        return findings
    }

    private func tryServers(
        of kes: KESSettings, with credentials: Credentials
    ) async throws(AgentFailure) -> [BackendFindings.Trial] {
        let settings = self.configuration.settings.upstream
        let engine = try TransferEngine(settings, memory: self.memory)
        let addresses = kes.endpoints.map(\.description)
        let trial = EndpointCheck(
            transport: engine.makePool(tls: credentials.tls), keyName: kes.keyName, memory: self.memory,
            timeout: settings.timeout)
        let findings = await trial.run(at: addresses)
        await engine.stop()
        return zip(addresses, findings)
            .map { address, finding in
                BackendFindings.Trial(
                    endpoint: address,
                    outcome: .init(finding, identity: credentials.identity.identity, keyName: kes.keyName))
            }
    }
}

extension BackendFindings.Trial.Outcome {
    fileprivate init(_ finding: EndpointCheck.Finding, identity: String, keyName: KeyName) {
        switch finding {
        case .works(let version, let latency):
            self = .works(version: version, latency: latency)
        case .failed(let failure):
            let advice = failure.advice(identity: identity, keyName: keyName)
            self = .fails(problem: advice.problem, remedy: advice.remedy)
        }
    }
}

extension Diagnostic {
    fileprivate init(_ severity: Severity, _ notice: CredentialNotice) {
        self.init(severity, at: .credential(notice.place), notice.message, remedy: notice.remedy)
    }
}
