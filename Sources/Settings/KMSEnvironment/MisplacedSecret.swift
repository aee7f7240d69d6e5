// SPDX-License-Identifier: Apache-2.0

/// A value that may be a secret in a variable that must not have one. It must be neither used nor shown.
struct MisplacedSecret: Equatable {
    let message: String
    let remedy: String
}

extension MergedEnvironment {
    /// The error, if the variable's value may be a secret.
    func misplacedSecret(in variable: KMSVariable) -> MisplacedSecret? {
        if self.value(of: variable, hasPrefix: "env://") || self.value(of: variable, hasPrefix: "env+tls://") {
            return MisplacedSecret(
                message: "remote values (env://, env+tls://) are not supported",
                remedy: "set the value itself"
            )
        }
        guard !variable.isSecret, let text = self.text(variable) else { return nil }
        if variable.isEndpointList, text.contains("@") {
            return MisplacedSecret(
                message: "an endpoint has no user name or password ('…@')",
                remedy: "remove everything up to the '@'"
            )
        }
        if variable.isFile, text.hasPrefix("-----BEGIN") {
            return MisplacedSecret(message: "this is PEM text, not a path", remedy: "put it into a file")
        }
        // The base64 of 32 bytes ends with `=`, and has 44 characters.
        if variable == .secretKeyFile, text.hasSuffix("="), text.contains(":") || text.utf8.count == 44 {
            return MisplacedSecret(
                message: "this is a key, not a path",
                remedy: "set \(KMSVariable.secretKey.rawValue) to NAME:KEY"
            )
        }
        return nil
    }
}
