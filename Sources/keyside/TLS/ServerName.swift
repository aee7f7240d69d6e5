// SPDX-License-Identifier: Apache-2.0

import Linux

/// A name or address that a server certificate is valid for.
struct ServerName {
    /// In the syntax of OpenSSL's configuration: `DNS:localhost`, `IP:127.0.0.1`.
    let alternativeName: String

    /// - Returns: nil if the text is neither a host name nor a numeric address.
    init?(_ text: String) {
        // ``ListenAddress`` adds brackets around IPv6 addresses itself.
        if !text.hasPrefix("["), ListenAddress("\(text):0") != nil || ListenAddress("[\(text)]:0") != nil {
            self.alternativeName = "IP:\(text)"
        } else if Self.isHostName(text) {
            self.alternativeName = "DNS:\(text)"
        } else {
            return nil
        }
    }

    private init(alternativeName: String) { self.alternativeName = alternativeName }

    static let ofThisMachine = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"].map(ServerName.init(alternativeName:))

    /// Labels of letters, digits and `-`, the last not a number: RFC 1123.
    private static func isHostName(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253 && labels.allSatisfy(Self.isLabel) && labels.last?.allSatisfy(\.isNumber) == false
    }

    private static func isLabel(_ text: Substring) -> Bool {
        (1...63).contains(text.utf8.count) && text.first != "-" && text.last != "-"
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}
