// SPDX-License-Identifier: Apache-2.0

import Authorization
import Linux
import Logging
import Settings
import Synchronization

/// The sources of the agent's settings. Holds no secret.
struct SettingsSource: Sendable {
    /// Values by option: `--socket`.
    let flags: [String: String]
    /// The variables `KEYSIDE_…`.
    let environment: [String: String]
    let configFile: String?

    func load() -> LoadedSettings {
        AgentSettings.load(flags: self.flags, environment: self.environment, configFile: self.configFile)
    }
}

/// Reloads the settings of a running agent and applies those that can change: policies and administrators.
///
/// If any setting is invalid, none of the changes is applied.
final class SettingsReloader: Sendable {
    /// Judges requests by the current settings.
    let authorizer: Authorizer

    private let source: SettingsSource
    /// The values at start of the settings that need a restart, by name.
    private let fixed: [String: String]
    private let state: Mutex<State>
    private let worker = FileWorker()
    private let logger: Logger

    private struct State {
        var rules: AccessRules
        var hasRefused = false
    }

    init(_ source: SettingsSource, started configuration: Configuration, logger: Logger) {
        self.source = source
        self.authorizer = Authorizer(Gate(configuration.settings))
        self.fixed = Self.fixed(configuration.settingValues)
        self.state = Mutex(State(rules: AccessRules(configuration.settings)))
        self.logger = logger
    }

    /// Whether the last reload failed, so that the agent uses older settings than the file has.
    var hasRefused: Bool { self.state.withLock(\.hasRefused) }

    func reload() async {
        self.logger.notice("reloading settings")
        do throws(FileWorker.Failure) {
            let source = self.source
            self.take(try await self.worker.run { source.load() })
        } catch .cancelled {
            return
        } catch {
            self.state.withLock { $0.hasRefused = true }
            self.logger.error(
                "reload failed; keeping the current configuration", metadata: ["reason": "\(error.reason)"])
        }
    }

    private func take(_ loaded: LoadedSettings) {
        let errors = loaded.diagnostics.filter { $0.severity == .error }
        self.state.withLock { $0.hasRefused = !errors.isEmpty }
        guard errors.isEmpty else {
            self.logger.error(
                "reload failed; keeping the current configuration",
                metadata: ["reason": "\(errors.map(\.advice).joined(separator: "; "))"])
            return
        }
        for diagnostic in loaded.diagnostics where diagnostic.severity == .warning {
            self.logger.warning("\(diagnostic.advice)")
        }
        self.take(AccessRules(loaded.settings), of: loaded.settings)
        self.reportChangesThatNeedRestart(Self.fixed(loaded.values))
    }

    private func take(_ rules: AccessRules, of settings: AgentSettings) {
        let isNew = self.state.withLock { state in
            defer { state.rules = rules }
            return state.rules != rules
        }
        if isNew { self.authorizer.replace(with: Gate(settings)) }
        self.logger.notice(
            isNew ? "policies reloaded" : "policies unchanged",
            metadata: [
                "policies": "\(settings.policies.count)", "administrators": "\(settings.admin.identities.count)",
            ])
    }

    private func reportChangesThatNeedRestart(_ values: [String: String]) {
        let changed = values.filter { self.fixed[$0.key] != $0.value }.keys.sorted()
        guard !changed.isEmpty else { return }
        self.logger.warning(
            "changed settings need a restart",
            metadata: ["settings": "\(changed.joined(separator: ","))"])
    }

    private static func fixed(_ values: [EffectiveValue]) -> [String: String] {
        let fixed = values.filter { !AgentSettings.isAboutAccess($0.name) }
        return Dictionary(uniqueKeysWithValues: fixed.map { ($0.name, $0.value) })
    }
}

/// The settings that control access.
private struct AccessRules: Equatable, Sendable {
    let policies: [AgentSettings.BoundPolicy]
    let administrators: Set<Principal>

    init(_ settings: AgentSettings) {
        self.policies = settings.policies
        self.administrators = Set(settings.admin.identities.map(Principal.identity))
    }
}
