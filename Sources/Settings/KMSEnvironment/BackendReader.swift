// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory

/// Derives the backend from the variables in effect, by MinIO's rules and with MinIO's messages:
///
/// 1. Each value by itself: empty, malformed and misplaced values are reported, whatever else is wrong.
/// 2. Presence: a variable counts as set even if it is empty, except the two of the static key.
/// 3. Exclusivity: only one group may be present. If there are two, missing variables are not reported.
/// 4. Completeness of the group.
///
/// MinIO stops at the first error; this reader collects all errors.
struct BackendReader {
    let environment: MergedEnvironment
    let memory: SecretMemory
    /// Where a relative `MINIO_KMS_SECRET_KEY_FILE` is looked up next.
    let secretsDirectory: String

    var diagnostics: [Diagnostic] = []
    /// The file that `MINIO_KMS_SECRET_KEY_FILE` names.
    var keyFile: (path: String, file: ReadableFile)?
    /// Variables with rejected values, which are not used any more.
    private var refused: Set<KMSVariable> = []
    /// The valid endpoint lists.
    private(set) var endpoints: [KMSVariable: [Endpoint]] = [:]

    init(environment: MergedEnvironment, memory: SecretMemory, secretsDirectory: String) {
        self.environment = environment
        self.memory = memory
        self.secretsDirectory = secretsDirectory
    }

    /// - Returns: the backend; nil if none is configured or if there are errors.
    mutating func read() throws(LockedMemoryError) -> Backend? {
        for variable in KMSVariable.allCases where variable.group != nil && self.environment.has(variable) {
            self.checkValue(of: variable)
        }
        try self.openKeyFile()
        let groups = BackendGroup.allCases.filter { !self.presentVariables(of: $0).isEmpty }
        let staticKey = try self.staticKey()
        guard let group = groups.first else { return try self.staticKeyOfLastResort().map(Backend.staticKey) }
        self.warnOfMissingKeyFile()
        guard groups.count == 1 else {
            self.refuse(groups)
            return nil
        }
        switch group {
        case .minKMS: return try self.minKMS().map(Backend.minKMS)
        case .kes: return try self.kes().map(Backend.kes)
        case .staticKey: return staticKey.map(Backend.staticKey)
        }
    }

    private mutating func checkValue(of variable: KMSVariable) {
        if let secret = self.environment.misplacedSecret(in: variable) {
            self.refused.insert(variable)
            return self.report(.error, of: variable, secret.message, remedy: secret.remedy)
        }
        if self.environment.value(of: variable, hasPrefix: "env") {
            self.report(
                .warning,
                of: variable,
                "MinIO treats a value that begins with 'env' as remote, and reads it as empty",
                remedy: "use a value that does not begin with 'env'"
            )
        }
        if variable.isEndpointList {
            let text = self.environment.text(variable) ?? ""
            let list = EndpointList(text, of: variable, at: self.environment.place(of: variable))
            self.diagnostics += list.diagnostics
            self.endpoints[variable] = list.diagnostics.isEmpty ? list.endpoints : nil
        } else if let emptiness = variable.emptiness, self.environment.isBlank(variable) {
            self.report(.error, of: variable, emptiness, remedy: "give it a value")
        }
    }

    /// Reports several groups: the two that MinIO would name, and the variables of all.
    private mutating func refuse(_ groups: [BackendGroup]) {
        let members = groups.map(self.presentVariables)
        self.report(
            .error,
            of: members[1][0],
            "kms: configuration for \(groups[0].name) and \(groups[1].name) is present",
            remedy: "keep one of: " + members.map(self.listed).joined(separator: "; ")
        )
    }
}

extension BackendReader {
    func presentVariables(of group: BackendGroup) -> [KMSVariable] {
        KMSVariable.allCases.filter { $0.group == group && self.isPresent($0) }
    }

    /// Whether a variable shows that its group is configured.
    private func isPresent(_ variable: KMSVariable) -> Bool {
        guard self.environment.has(variable) else { return false }
        switch variable {
        case .secretKey:
            return !self.environment.isBlank(variable)
        case .secretKeyFile:
            if case .missing = self.keyFile?.file { return false }
            return !self.environment.isBlank(variable)
        case .server, .enclave, .sseKey, .apiKey, .kesEndpoint, .kesKeyName, .kesAPIKey, .kesKeyFile, .kesCertFile,
            .kesKeyPassword, .kesCAPath, .autoEncryption, .replicateKeyID:
            return true
        }
    }

    /// The value of a variable, if it is set, not rejected and not empty.
    func usableText(_ variable: KMSVariable) -> String? {
        guard !self.refused.contains(variable), !self.environment.isBlank(variable) else { return nil }
        return self.environment.text(variable)
    }

    /// As ``usableText(_:)``, for a secret.
    func usableSecret(_ variable: KMSVariable) throws(LockedMemoryError) -> SharedSecret? {
        guard !self.refused.contains(variable), !self.environment.isBlank(variable) else { return nil }
        return try self.environment.secret(variable, in: self.memory)
    }

    mutating func report(
        _ severity: Diagnostic.Severity,
        of variable: KMSVariable,
        _ message: String,
        remedy: String? = nil
    ) {
        self.diagnostics.report(severity, at: self.environment.place(of: variable), message, remedy: remedy)
    }

    /// The names of variables, with a remark on empty ones, which an operator may consider unset.
    func listed(_ variables: [KMSVariable]) -> String {
        variables.map { self.environment.isBlank($0) ? "\($0.rawValue) (empty, but present)" : $0.rawValue }
            .joined(separator: ", ")
    }
}
