// SPDX-License-Identifier: Apache-2.0

/// The whole configuration in effect, validated: the agent's settings and the backend.
package struct Configuration: Sendable {
    package let settings: AgentSettings
    /// Nil only if the configuration is invalid.
    package let backend: Backend?
    /// The agent's settings, each with its source.
    package let settingValues: [EffectiveValue]
    /// The `MINIO_KMS_…` variables, each with its source.
    package let environmentValues: [EffectiveValue]
    /// All diagnostics, in the order of reading.
    package let diagnostics: [Diagnostic]

    /// - Parameter others: diagnostics about other variables.
    package init(_ loaded: LoadedSettings, _ environment: KMSEnvironment, others: [Diagnostic] = []) {
        self.settings = loaded.settings
        self.backend = environment.backend
        self.settingValues = loaded.values
        self.environmentValues = environment.values
        self.diagnostics = loaded.diagnostics + environment.diagnostics + others
    }

    /// Whether the agent can start with this configuration.
    package var isValid: Bool { !self.diagnostics.contains { $0.severity == .error } }
}
