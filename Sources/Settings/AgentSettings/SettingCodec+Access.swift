// SPDX-License-Identifier: Apache-2.0

import Authorization
import Cryptography
import Linux

extension SettingCodec<ListenAddress?> {
    /// A numeric address and a port. Empty: nil.
    static var listenAddress: SettingCodec {
        SettingCodec(expectation: "a numeric address and a port, such as 127.0.0.1:7373 or [::1]:7373") { text in
            if text.isEmpty { return .some(nil) }
            return ListenAddress(text).map(Optional.some)
        } format: {
            $0.map(\.description) ?? ""
        }
    }
}

extension SettingCodec<String?> {
    /// The path of a file. Empty: nil.
    static var file: SettingCodec {
        SettingCodec(expectation: "the path of a file") { text in
            text.utf8.contains(0) || text.hasSuffix("/") ? nil : .some(text.isEmpty ? nil : text)
        } format: {
            $0 ?? ""
        }
    }
}

extension SettingCodec<Identity> {
    static var identity: SettingCodec {
        SettingCodec(
            expectation: "an identity, 64 hexadecimal digits, as 'keyside identity of' prints it",
            parse: { Identity(hexadecimal: $0) }, format: { $0.description })
    }
}

extension SettingCodec<PathPattern> {
    /// Paths begin with `/`. Any other pattern matches no path and is a mistake.
    static var pathPattern: SettingCodec {
        SettingCodec(
            expectation:
                "a path such as /v1/key/decrypt/my-key, with * at its end to match any continuation, or * alone"
        ) {
            $0.hasPrefix("/") || $0 == "*" ? PathPattern($0) : nil
        } format: {
            $0.description
        }
    }
}
