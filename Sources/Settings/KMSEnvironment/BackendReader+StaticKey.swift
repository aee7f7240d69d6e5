// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory

/// The static key, from its variable or from the file that the other variable names.
extension BackendReader {
    /// The preset of `MINIO_KMS_SECRET_KEY_FILE` in container images, whether or not the file exists.
    private static let presetKeyFile = "kms_master_key"
    private static let keyFileByteCountMax = 64 * 1024

    mutating func openKeyFile() throws(LockedMemoryError) {
        guard let path = self.usableText(.secretKeyFile) else { return }
        self.keyFile = (path, try self.readable(path))
    }

    private func readable(_ path: String) throws(LockedMemoryError) -> ReadableFile {
        try ReadableFile(path: path, byteCountMax: Self.keyFileByteCountMax, memory: self.memory)
    }

    /// The key, if the two variables give one. Both are validated; having both is an error.
    mutating func staticKey() throws(LockedMemoryError) -> StaticKeySettings? {
        let inVariable = try self.keyInVariable()
        let inFile = try self.keyInFile()
        guard self.presentVariables(of: .staticKey).count > 1 else { return inVariable ?? inFile }
        self.report(
            .error,
            of: .secretKeyFile,
            "kms: invalid configuration for static KMS key: 'MINIO_KMS_SECRET_KEY' and 'MINIO_KMS_SECRET_KEY_FILE'"
                + " are present",
            remedy: "unset one of them"
        )
        return nil
    }

    private mutating func keyInVariable() throws(LockedMemoryError) -> StaticKeySettings? {
        guard let text = try self.usableSecret(.secretKey) else { return nil }
        let place = self.environment.place(of: .secretKey)
        return try text.value.withBytes { bytes throws(LockedMemoryError) in try self.key(bytes, at: place) }
    }

    private mutating func keyInFile() throws(LockedMemoryError) -> StaticKeySettings? {
        guard let (path, file) = self.keyFile else { return nil }
        switch file {
        case .contents(let contents): return try self.key(in: contents, of: path)
        case .missing: return nil
        case .unreadable(let reason):
            self.refuseKeyFile(reason)
            return nil
        }
    }

    /// White space around a file's contents is removed, as for the variable. MinIO does not do that; if it would read
    /// another key than the agent, a warning is reported.
    private mutating func key(
        in contents: SharedSecret,
        of path: String
    ) throws(LockedMemoryError) -> StaticKeySettings? {
        try contents.value.withBytes { bytes throws(LockedMemoryError) in
            let text = WhiteSpace.trim(0..<bytes.count, of: bytes)
            if text.lowerBound > 0 {
                self.warn(of: path, "it begins with white space, which MinIO takes as part of the key's name")
            }
            let behind = text.upperBound..<bytes.count
            if behind.contains(where: { bytes[$0] != UInt8(ascii: "\n") && bytes[$0] != UInt8(ascii: "\r") }) {
                self.warn(of: path, "there is white space after the key, so MinIO refuses it")
            }
            return try self.key(bytes.extracting(text), at: .file(path))
        }
    }

    private mutating func key(_ text: Span<UInt8>, at place: Place) throws(LockedMemoryError) -> StaticKeySettings? {
        do throws(StaticKeyText.Malformed) {
            let key = try StaticKeyText(text, memory: self.memory)
            if !Self.isPortable(key.name) {
                self.diagnostics.report(
                    .warning,
                    at: place,
                    "no KES server can hold a key of this name",
                    remedy: "use 1 to 80 of A-Z a-z 0-9 _ -, with no - at either end, for a new key"
                )
            }
            return StaticKeySettings(name: key.name, key: key.key, place: place)
        } catch {
            if case .memory(let error) = error { throw error }
            self.diagnostics.report(.error, at: place, error.description, remedy: error.remedy)
            return nil
        }
    }

    /// Whether KES servers allow the name.
    private static func isPortable(_ name: KeyName) -> Bool {
        let text = name.description
        let isAllowed = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        return isAllowed && text.utf8.count <= 80 && !text.hasPrefix("-") && !text.hasSuffix("-") && text != "_"
    }

    private mutating func warn(of path: String, _ message: String) {
        self.diagnostics.report(.warning, at: .file(path), message, remedy: "remove the white space")
    }

    private mutating func refuseKeyFile(_ reason: String) {
        self.report(
            .error,
            of: .secretKeyFile,
            reason,
            remedy: "use a readable file that holds NAME:KEY"
        )
    }
}

/// A key file that does not exist. MinIO ignores its variable.
extension BackendReader {
    /// Another backend is configured and used.
    mutating func warnOfMissingKeyFile() {
        guard let (path, file) = self.keyFile, case .missing(let reason) = file, path != Self.presetKeyFile else {
            return
        }
        self.report(
            .warning,
            of: .secretKeyFile,
            "\(reason), so it counts as unset",
            remedy: "use an existing file, or unset it"
        )
    }

    /// No other backend is configured. The file may be in the directory of secrets, where MinIO intends to look but
    /// does not.
    mutating func staticKeyOfLastResort() throws(LockedMemoryError) -> StaticKeySettings? {
        guard let (path, file) = self.keyFile, case .missing(let reason) = file else {
            self.refuseNothing()
            return nil
        }
        let secretPath = "\(self.secretsDirectory)/\(path)"
        switch try path.hasPrefix("/") ? .missing(reason: reason) : self.readable(secretPath) {
        case .contents(let contents):
            self.report(
                .note,
                of: .secretKeyFile,
                "there is no '\(path)' in the working directory; the key is read from \(secretPath)"
            )
            return try self.key(in: contents, of: secretPath)
        case .unreadable(let reason):
            self.refuseKeyFile(reason)
        case .missing where path == Self.presetKeyFile:
            self.refuseNothing()
        case .missing:
            // MinIO would run without encryption, but an operator who sets this variable wants encryption.
            self.refuseKeyFile(reason)
        }
        return nil
    }

    private mutating func refuseNothing() {
        for variable in [KMSVariable.secretKey, .secretKeyFile] where self.environment.isBlank(variable) {
            self.report(
                .warning,
                of: variable,
                "\(variable.rawValue) is empty, which counts as unset",
                remedy: "give it a value, or unset it"
            )
        }
        self.diagnostics.report(
            .error,
            at: .variable("\(KMSVariable.prefix)*"),
            "neither a key server nor a key is configured",
            remedy:
                "set MINIO_KMS_KES_ENDPOINT and its companions (MinIO KES), MINIO_KMS_SERVER and its companions (MinIO KMS), or"
                + " MINIO_KMS_SECRET_KEY or MINIO_KMS_SECRET_KEY_FILE (a static key)"
        )
    }
}
