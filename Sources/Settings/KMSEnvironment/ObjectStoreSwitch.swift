// SPDX-License-Identifier: Apache-2.0

/// The two variables that only the object store uses. AIStor and open-source MinIO read some values differently, which
/// the agent points out. Never an error.
enum ObjectStoreSwitch: CaseIterable {
    case autoEncryption
    case replicateKeyID

    var variable: KMSVariable {
        switch self {
        case .autoEncryption: .autoEncryption
        case .replicateKeyID: .replicateKeyID
        }
    }

    /// The object store's default.
    var preset: String {
        switch self {
        case .autoEncryption: "on in AIStor, off in open-source MinIO"
        case .replicateKeyID: "on"
        }
    }

    /// The remark about a value.
    ///
    /// - Parameter untrimmed: open-source MinIO trims one of the two variables only.
    func diagnostic(on untrimmed: String, at place: Place) -> Diagnostic {
        switch (self, Self.reading(of: untrimmed.trimmed)) {
        case (.replicateKeyID, _) where untrimmed.lowercased() == "off":
            Diagnostic(.note, at: place, "AIStor and open-source MinIO both read this as off")
        case (.autoEncryption, false?):
            Diagnostic(.note, at: place, "AIStor and open-source MinIO both read this as off")
        case (_, true?):
            Diagnostic(.note, at: place, "AIStor and open-source MinIO both read this as on")
        case (.autoEncryption, nil):
            Diagnostic(.warning, at: place, "open-source MinIO reads this as off", remedy: "write on or off")
        case (.replicateKeyID, false?):
            Diagnostic(
                .warning,
                at: place,
                "AIStor reads this as off, but open-source MinIO only understands off and reads it as on",
                remedy: "write off"
            )
        case (.replicateKeyID, nil):
            Diagnostic(
                .warning,
                at: place,
                "open-source MinIO only understands off and reads this as on",
                remedy: "write on or off"
            )
        }
    }

    /// The meaning of a value by AIStor's and MinIO's documentation; nil if it is not documented.
    static func reading(of text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True", "on", "ON", "On": true
        case "0", "f", "F", "false", "FALSE", "False", "off", "OFF", "Off": false
        case _ where text.lowercased() == "enabled": true
        case _ where text.lowercased() == "disabled": false
        default: nil
        }
    }
}
