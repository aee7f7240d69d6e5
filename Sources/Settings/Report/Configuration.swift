// SPDX-License-Identifier: Apache-2.0

/// All that the agent was told, effective and checked: its own settings and the backend.
package struct Configuration: Sendable {
    package let settings: AgentSettings
    /// Nil only if the configuration is not valid.
    package let backend: Backend?
    /// The agent's settings, each with its source.
    package let settingValues: [EffectiveValue]
    /// The `MINIO_KMS_…` variables, each with its source.
    package let environmentValues: [EffectiveValue]
    /// Everything there is to say, in the order in which it was read.
    package let diagnostics: [Diagnostic]

    /// - Parameter others: about variables that are neither the agent's nor the object store's.
    package init(_ loaded: LoadedSettings, _ environment: KMSEnvironment, others: [Diagnostic] = []) {
        self.settings = loaded.settings
        self.backend = environment.backend
        self.settingValues = loaded.values
        self.environmentValues = environment.values
        self.diagnostics = loaded.diagnostics + environment.diagnostics + others
    }

    /// Whether the agent can start with it.
    package var isValid: Bool { !self.diagnostics.contains { $0.severity == .error } }
}
