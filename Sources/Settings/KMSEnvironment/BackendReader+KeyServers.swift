// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory

/// The two groups of variables that configure key servers: required variables, and conflicts.
extension BackendReader {
    /// The MinIO KMS group.
    mutating func minKMS() throws(LockedMemoryError) -> MinKMSSettings? {
        self.require([.server, .enclave, .sseKey, .apiKey], of: .minKMS)
        guard let endpoints = self.endpoints[.server], let enclave = self.usableText(.enclave),
            let keyName = self.usableText(.sseKey).flatMap(KeyName.init), let apiKey = try self.usableSecret(.apiKey)
        else { return nil }
        return MinKMSSettings(endpoints: endpoints, enclave: enclave, keyName: keyName, apiKey: apiKey)
    }

    /// The KES group.
    mutating func kes() throws(LockedMemoryError) -> KESSettings? {
        self.require([.kesEndpoint, .kesKeyName], of: .kes)
        if self.environment.isBlank(.kesCAPath) {
            self.report(
                .warning,
                of: .kesCAPath,
                "\(KMSVariable.kesCAPath.rawValue) is empty, which selects KES, but names no CA certificates",
                remedy: "unset it, or set it to a file or directory"
            )
        }
        guard let authentication = try self.kesAuthentication(), let endpoints = self.endpoints[.kesEndpoint],
            let keyName = self.usableText(.kesKeyName).flatMap(KeyName.init)
        else { return nil }
        return KESSettings(
            endpoints: endpoints,
            keyName: keyName,
            authentication: authentication,
            caPath: self.usableText(.kesCAPath)
        )
    }

    /// An API key, or a certificate and its key. A password counts as an attempt to use a certificate.
    private mutating func kesAuthentication() throws(LockedMemoryError) -> KESSettings.Authentication? {
        let certificate = [KMSVariable.kesCertFile, .kesKeyFile, .kesKeyPassword].filter(self.environment.has)
        guard !certificate.isEmpty else {
            if self.environment.has(.kesAPIKey) { return try self.usableSecret(.kesAPIKey).map { .apiKey($0) } }
            self.report(
                .error,
                of: .kesAPIKey,
                "kms: incomplete configuration for MinIO KES: missing authentication method",
                remedy: "set MINIO_KMS_KES_API_KEY, or MINIO_KMS_KES_CERT_FILE and MINIO_KMS_KES_KEY_FILE"
            )
            return nil
        }
        guard !self.environment.has(.kesAPIKey) else {
            self.report(
                .error,
                of: .kesAPIKey,
                "kms: invalid configuration for MinIO KES: 'MINIO_KMS_KES_API_KEY' and client certificate is present",
                remedy: "keep one of: \(self.listed([.kesAPIKey])); \(self.listed(certificate))"
            )
            return nil
        }
        self.require([.kesCertFile, .kesKeyFile], of: .kes)
        guard let certFile = self.usableText(.kesCertFile), let keyFile = self.usableText(.kesKeyFile) else {
            return nil
        }
        return .certificate(
            certFile: certFile,
            keyFile: keyFile,
            password: try self.usableSecret(.kesKeyPassword)
        )
    }

    /// Reports each variable that is missing.
    private mutating func require(_ variables: [KMSVariable], of group: BackendGroup) {
        let present = self.presentVariables(of: group)
        let wayOut = present.allSatisfy(self.environment.isBlank) ? ", or unset \(self.listed(present))" : ""
        for variable in variables where !self.environment.has(variable) {
            self.report(
                .error,
                of: variable,
                "kms: incomplete configuration for \(group.name): missing '\(variable.rawValue)'",
                remedy: "set it" + wayOut
            )
        }
    }
}
