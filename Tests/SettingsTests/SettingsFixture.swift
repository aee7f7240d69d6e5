// SPDX-License-Identifier: Apache-2.0

import LockedMemory
import Settings

/// The secrets of these tests.
enum Sample {
    static let key: [UInt8] = (0..<32).map { UInt8(truncatingIfNeeded: 0x78 &+ $0 &* 37) }
    static let keyText = "eJ3C5wwxVnugxeoPNFl+o8jtEjdcgabL8BU6X4SpzvM="
    static let staticKey = "my-key:" + Self.keyText
    static let kesAPIKey = "kes:v1:ADIA7T2SGmYuPBw2dQn0VhFbeXlF1LMcTtmLNnkzY5Jd"
    static let minKMSAPIKey = "k1:Rf7yXHqkZ3nRpmUvo1q8aBJn4jYdb5uT9cWgEw2sKx0"
    static let password = "correct-horse-battery"
}

/// Loads the variables with every secret one in locked memory, as the agent does.
func load(
    _ variables: [String: String],
    envFile: String? = nil,
    secretsFolder: String = "/nonexistent"
) throws -> KMSEnvironment {
    let memory = try SecretMemory(slotCount: 64, allowUnlocked: true)
    let environment = try variables.map { name, text -> (String, EnvironmentBlock.Value) in
        guard KMSEnvironment.isSecret(name) else { return (name, .text(text)) }
        return (name, .secret(SharedSecret(try Secret(copying: text.utf8.span, in: memory))))
    }
    return try KMSEnvironment.load(
        environment: Dictionary(uniqueKeysWithValues: environment),
        envFile: envFile,
        memory: memory,
        secretsDirectory: secretsFolder
    )
}

extension KMSEnvironment {
    func messages(_ severity: Diagnostic.Severity) -> [String] {
        self.diagnostics.filter { $0.severity == severity }.map(\.message)
    }

    func value(of name: String) -> EffectiveValue? { self.values.first { $0.name == name } }

    var staticKey: StaticKeySettings? {
        if case .staticKey(let settings) = self.backend { settings } else { nil }
    }
}
