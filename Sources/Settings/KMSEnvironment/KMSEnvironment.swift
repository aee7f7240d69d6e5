// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// The `MINIO_KMS_…` variables, read as the object store reads them, so that both can use the same variables.
package struct KMSEnvironment: Sendable {
    /// Nil if there are errors, or if no backend is configured, which is an error too.
    package let backend: Backend?
    /// The variables in effect. Secret ones have no value here.
    package let values: [EffectiveValue]
    package let diagnostics: [Diagnostic]

    /// Whether a variable's value must be kept in locked memory: true for every `MINIO_…` variable that is not known to
    /// be harmless, because the environment may also contain the object store's root credentials.
    package static func isSecret(_ name: String) -> Bool {
        guard name.hasPrefix("MINIO_"), name != KMSVariable.configFile else { return false }
        return KMSVariable(rawValue: name)?.isSecret ?? true
    }

    /// Reads the variables and the files that they name, and validates them as far as possible without connecting.
    ///
    /// - Parameters:
    ///   - environment: the process's own, from ``EnvironmentBlock`` with ``isSecret(_:)``.
    ///   - envFile: the value of `--env-file`, which overrides the environment.
    ///   - secretsDirectory: the directory of secrets in containers.
    /// - Throws: only for lack of locked memory. Other errors are in ``diagnostics``.
    package static func load(
        environment: [String: EnvironmentBlock.Value],
        envFile: String? = nil,
        memory: SecretMemory,
        secretsDirectory: String = "/run/secrets"
    ) throws(LockedMemoryError) -> KMSEnvironment {
        let merged = try MergedEnvironment(process: environment, envFile: envFile, memory: memory)
        var reader = BackendReader(environment: merged, memory: memory, secretsDirectory: secretsDirectory)
        let backend = try reader.read()
        let switches = ObjectStoreSwitch.allCases.compactMap { own in
            merged.untrimmedText(own.variable).map { own.diagnostic(on: $0, at: merged.place(of: own.variable)) }
        }
        let unknown = merged.unknown.map { UnknownVariable.warning(about: $0.name, at: $0.place) }
        return KMSEnvironment(
            backend: backend,
            values: merged.effectiveValues(for: backend),
            diagnostics: merged.diagnostics + reader.diagnostics + switches + unknown
        )
    }
}

extension MergedEnvironment {
    /// The values of set variables, and the object store's default for its two switches.
    fileprivate func effectiveValues(for backend: Backend?) -> [EffectiveValue] {
        var values: [EffectiveValue] = []
        if let file = self.configFile, case .text(let path) = file.value {
            values.append(EffectiveValue(name: file.name, value: path, place: file.place))
        }
        for variable in KMSVariable.allCases where self.has(variable) {
            values.append(
                EffectiveValue(
                    name: variable.rawValue,
                    value: self.shownValue(of: variable, for: backend),
                    place: self.place(of: variable)
                )
            )
        }
        for own in ObjectStoreSwitch.allCases where !self.has(own.variable) {
            values.append(EffectiveValue(name: own.variable.rawValue, value: own.preset, place: nil))
        }
        return values
    }

    private func shownValue(of variable: KMSVariable, for backend: Backend?) -> String {
        guard !self.isBlank(variable) else { return "" }
        if case .staticKey(let key) = backend, variable == .secretKey, key.place == self.place(of: variable) {
            return "\(key.key.value.byteCount) bytes, hidden"
        }
        let isShown = !variable.isSecret && self.misplacedSecret(in: variable) == nil
        return isShown ? self.text(variable) ?? "" : "set, hidden"
    }
}
