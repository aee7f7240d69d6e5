// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Why the TLS listener refuses the key of a client certificate.
///
/// Accepted keys are RSA with 2048 to 8192 bits and an odd exponent from 3 to 2³¹ − 1, ECDSA on the curves P-256, P-384
/// and P-521, and Ed25519. KES accepts the same keys, and shorter RSA keys. The rule is independent of OpenSSL's
/// configuration. Its upper bounds limit the time that a signature check takes.
package enum ClientKeyFault: Int, Error, CaseIterable, Sendable {
    case unreadableCertificate = 1
    case unsupportedAlgorithm
    case shortRSA
    case longRSA
    case unusualRSAExponent
    case unsupportedCurve

    /// Checks the key of a certificate.
    ///
    /// - Returns: nil if the listener accepts the key.
    @unsafe package init?(ofKeyIn x509: OpaquePointer) {
        defer { ERR_clear_error() }
        // Without its extensions, OpenSSL cannot tell whether a certificate is a CA certificate.
        guard unsafe X509_get_extension_flags(x509) & UInt32(EXFLAG_INVALID) == 0,
            let key = unsafe X509_get0_pubkey(x509)
        else {
            self = .unreadableCertificate
            return
        }
        switch unsafe EVP_PKEY_get_base_id(key) {
        case NID_rsaEncryption:
            guard let fault = unsafe Self.faultOfRSA(key) else { return nil }
            self = fault
        case NID_X9_62_id_ecPublicKey:
            guard unsafe !Self.isOnAcceptedCurve(key) else { return nil }
            self = .unsupportedCurve
        case NID_ED25519:
            return nil
        case _:
            self = .unsupportedAlgorithm
        }
    }

    private static let rsaBits = 2048...8192
    private static let rsaExponents = 3...UInt(Int32.max)

    private static func faultOfRSA(_ key: OpaquePointer) -> ClientKeyFault? {
        let bits = unsafe Int(EVP_PKEY_get_bits(key))
        if bits < Self.rsaBits.lowerBound { return .shortRSA }
        if bits > Self.rsaBits.upperBound { return .longRSA }
        var number: OpaquePointer?
        guard unsafe EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &number) == 1 else { return .unusualRSAExponent }
        defer { unsafe BN_free(number) }
        let exponent = unsafe UInt(BN_get_word(number))  // All ones if it does not fit.
        return Self.rsaExponents.contains(exponent) && exponent % 2 == 1 ? nil : .unusualRSAExponent
    }

    private static func isOnAcceptedCurve(_ key: OpaquePointer) -> Bool {
        // A curve can be given by explicit parameters instead of a name. Parameters that a client chooses are not
        // trusted.
        var isSpelledOut: CInt = 0
        guard unsafe EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &isSpelledOut) == 1,
            isSpelledOut == 0
        else { return false }
        var name = [CChar](repeating: 0, count: 32)
        var byteCount = 0
        guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, &byteCount) == 1 else { return false }
        let curve = String(decoding: name.prefix(byteCount).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return ["prime256v1", "secp384r1", "secp521r1"].contains(curve)
    }
}

extension ClientKeyFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadableCertificate: "OpenSSL cannot read the certificate's key or extensions"
        case .unsupportedAlgorithm: "the key's algorithm is not supported; use P-256, Ed25519 or RSA"
        case .shortRSA: "the RSA key has fewer than 2048 bits"
        case .longRSA: "the RSA key has more than 8192 bits"
        case .unusualRSAExponent: "the RSA key's exponent is not an odd number from 3 to 2147483647"
        case .unsupportedCurve: "the key's curve is not supported; use P-256, P-384 or P-521"
        }
    }
}
