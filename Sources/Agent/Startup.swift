// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KeyService
import Linux
package import LockedMemory
package import Logging
package import Settings
import StaticKey

/// Reads the configuration and creates the agent: settings first, then memory for secrets, then the secrets.
///
/// The order matters. The agent's own settings hold no secret, and they decide whether keys may be kept in memory that
/// is not locked. Only then are the `MINIO_KMS_…` variables read, directly into that memory, and wiped from the
/// environment.
package struct Startup: Sendable {
    package let configuration: Configuration
    package let memory: SecretMemory
    let budget: MemoryBudget
    private let source: SettingsSource

    /// Reads the whole configuration. Errors in it are in its diagnostics.
    ///
    /// - Parameters:
    ///   - flags: values by option: `--socket`.
    ///   - toleratesUnlockedMemory: true for `keyside check` only.
    /// - Throws: ``AgentFailure`` if there is no memory for secrets.
    package init(
        flags: [String: String], configFile: String?, envFile: String?, toleratesUnlockedMemory: Bool
    ) throws(AgentFailure) {
        self.source = SettingsSource(
            flags: flags, environment: EnvironmentBlock.texts { $0.hasPrefix(AgentSettings.variablePrefix) },
            configFile: configFile)
        let loaded = self.source.load()
        let allowUnlocked = toleratesUnlockedMemory || loaded.settings.memory.allowUnlocked
        let budget = try MemoryBudget(loaded.settings, toleratesUnlockedMemory: toleratesUnlockedMemory)
        self.budget = budget
        do throws(LockedMemoryError) {
            let shared = try SecretMemory(budget.plan, allowUnlocked: allowUnlocked)
            self.memory = shared
            let memory = shared.ownSecrets
            let environment = try EnvironmentBlock.read(
                isSecret: KMSEnvironment.isSecret, wiping: true, into: memory)
            let backend = try KMSEnvironment.load(environment: environment, envFile: envFile, memory: memory)
            let others = LibraryVariables.diagnostics(
                removed: LibraryEnvironment.removed,
                environment: EnvironmentBlock.texts { LibraryVariables.proxyVariables.contains($0) },
                endpoints: backend.backend?.endpoints.map(\.description) ?? [])
            self.configuration = Configuration(loaded, backend, others: others)
        } catch {
            throw AgentFailure(error)
        }
        // OpenSSL's copies of keys must be in locked memory too.
        do throws(CryptographyError) {
            try OpenSSLMemory.install(self.memory)
        } catch {
            throw AgentFailure(.configuration, "cannot make OpenSSL use locked memory: \(error)")
        }
    }

    /// How much the locked memory allows; nil if it is not enough to start.
    var memoryFindings: MemoryFindings? {
        let hasKeyServers =
            switch self.configuration.backend {
            case .kes, .minKMS: true
            case .staticKey, nil: false
            }
        return self.budget.findings(for: self.configuration.settings, hasKeyServers: hasKeyServers)
    }

    /// The files of the TLS listener; nil if there is no TLS listener.
    package var listenerFiles: ListenerFiles? {
        ListenerFiles(self.configuration.settings.tls, memory: self.memory.ownSecrets)
    }

    /// Reads the files of the TLS listener.
    ///
    /// - Returns: nil if there is no TLS listener.
    /// - Throws: the errors in its files.
    package func planListener(logger: Logger) throws(AgentFailure) -> ListenerPlan? {
        guard let files = self.listenerFiles else { return nil }
        let (plan, diagnostics) = files.read(now: WallClock.currentSecond())
        for diagnostic in diagnostics where diagnostic.severity == .warning { logger.warning("\(diagnostic.advice)") }
        guard let plan else {
            let errors = diagnostics.filter { $0.severity == .error }
            throw AgentFailure(.configuration, errors.map(\.advice).joined(separator: "\n"))
        }
        return plan
    }

    /// Creates the agent that the configuration describes.
    ///
    /// - Parameter log: the destination of `logger`.
    /// - Throws: ``AgentFailure`` if this version lacks the backend, or its key cannot be used.
    package func makeAgent(logger: Logger, log: LogWriter) throws(AgentFailure) -> Agent {
        Agent(
            settings: SettingsReloader(self.source, started: self.configuration, logger: logger),
            started: self.configuration.settings, backend: try self.makeBackend(logger: logger),
            entrance: try self.makeEntrance(logger: logger), memory: self.memory,
            memoryFindings: self.memoryFindings, logger: logger, log: log)
    }

    private func makeEntrance(logger: Logger) throws(AgentFailure) -> TLSListenerSetup? {
        guard let files = self.listenerFiles, let plan = try self.planListener(logger: logger) else { return nil }
        return try TLSListenerSetup(files, plan: plan, logger: logger)
    }

    private func makeBackend(logger: Logger) throws(AgentFailure) -> Agent.Backend {
        switch self.configuration.backend {
        case .staticKey(let settings):
            do throws(KeyServiceError) {
                return .embedded(try StaticKeyService(name: settings.name, key: settings.key, memory: self.memory))
            } catch {
                throw AgentFailure(.configuration, "the static key '\(settings.name)' cannot be used: \(error)")
            }
        case .kes(let settings):
            return .remote(
                try KeyServers(
                    settings, settings: self.configuration.settings, memory: self.memory, logger: logger))
        case .minKMS:
            throw AgentFailure(
                .configuration,
                "this version has no MinIO KMS backend; it serves a KES cluster (MINIO_KMS_KES_ENDPOINT) or a static "
                    + "key (MINIO_KMS_SECRET_KEY or MINIO_KMS_SECRET_KEY_FILE)")
        case nil:
            throw AgentFailure(.configuration, "no backend is configured; see 'keyside check'")
        }
    }
}
