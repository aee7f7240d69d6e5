// SPDX-License-Identifier: Apache-2.0

/// Remarks about unknown `MINIO_KMS_…` variables: names of earlier versions, and misspelled ones. Both MinIO and the
/// agent start all the same.
enum UnknownVariable {
    static func warning(about name: String, at place: Place) -> Diagnostic {
        let (message, remedy) = Self.judgement(of: name)
        return Diagnostic(.warning, at: place, message, remedy: remedy)
    }

    private static func judgement(of name: String) -> (message: String, remedy: String) {
        let outdated = "MinIO has not read this variable since 2021"
        switch name {
        case "MINIO_KMS_KES_CA_PATH":
            return (outdated, "rename it to MINIO_KMS_KES_CAPATH")
        case "MINIO_KMS_MASTER_KEY":
            return (outdated, "set MINIO_KMS_SECRET_KEY instead")
        case _ where name.hasPrefix("MINIO_KMS_VAULT_"):
            return (outdated, "put a KES server in front of Vault, and configure that")
        case "MINIO_KMS_KEY_CACHE_INTERVAL":
            return ("MinIO no longer has this setting, and the agent does not support it", "remove it")
        default:
            break
        }
        let withoutSuffix = String(name.dropLast("_FILE".count))
        if name.hasSuffix("_FILE"), KMSVariable(rawValue: withoutSuffix) != nil {
            return ("only MINIO_KMS_SECRET_KEY has a _FILE variable", "set \(withoutSuffix)")
        }
        let names = KMSVariable.allCases.lazy.map(\.rawValue)
        return ("unknown variable, without effect", Spelling.remedy(for: name, among: names, otherwise: "remove it"))
    }
}
