// SPDX-License-Identifier: Apache-2.0

/// A server of a cluster: `https://host[:port][/path]`. The host is a name, or an address in URL syntax.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Why a text is not a valid endpoint, and what to do.
    struct Invalid: Error {
        let message: String
        let remedy: String
    }

    /// MinIO uses TLS for a MinIO KMS server, whatever scheme is written, if any.
    init(minKMS text: String) throws(Invalid) {
        var address = text[...]
        for scheme in ["http://", "https://"] where address.hasPrefix(scheme) {
            address = address.dropFirst(scheme.count)
        }
        try self.init(address: address)
    }

    /// The scheme of a KES server is required.
    init(kes text: String) throws(Invalid) {
        let scheme = text.prefix { $0.isLetter }
        let address = text[scheme.endIndex...]
        guard address.hasPrefix("://") else {
            let message =
                text.contains(":") ? "first path segment in URL cannot contain colon" : "the scheme is missing"
            throw Invalid(message: message, remedy: "write https://\(text)")
        }
        guard scheme.lowercased() == "https" else {
            throw Invalid(message: "KES servers speak TLS only", remedy: "write https\(address)")
        }
        try self.init(address: address.dropFirst("://".count))
    }

    private init(address: Substring) throws(Invalid) {
        var address = address
        while address.hasSuffix("/") { address.removeLast() }
        let authority = address.prefix { $0 != "/" }
        guard Self.isAuthority(authority), address[authority.endIndex...].utf8.allSatisfy(Self.isPathByte) else {
            throw Invalid(message: "this is no address of a server", remedy: "write https://HOST:PORT")
        }
        self.description = "https://\(address)"
    }

    private static func isAuthority(_ text: Substring) -> Bool {
        guard text.hasPrefix("[") else {
            let name = text.prefix { $0 != ":" }
            return Self.isHost(name, punctuation: "-._") && Self.isPort(text[name.endIndex...])
        }
        let address = text.dropFirst().prefix { $0 != "]" }
        let rest = text[address.endIndex...]
        return Self.isHost(address, punctuation: ":.%") && rest.hasPrefix("]") && Self.isPort(rest.dropFirst())
    }

    private static func isHost(_ text: Substring, punctuation: String) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || punctuation.contains($0)) }
    }

    /// Nothing, or a colon and a number from 1 to 65535.
    private static func isPort(_ text: Substring) -> Bool {
        guard text.hasPrefix(":") else { return text.isEmpty }
        let digits = text.dropFirst()
        return digits.allSatisfy(\.isNumber) && (UInt16(digits) ?? 0) > 0
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"?#\"<>\\^`{|}".utf8.contains(byte)
    }
}
