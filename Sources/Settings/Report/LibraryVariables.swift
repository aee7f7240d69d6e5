// SPDX-License-Identifier: Apache-2.0

/// Diagnostics about environment variables that are neither the agent's nor `MINIO_KMS_…`.
package enum LibraryVariables {
    /// A warning for each variable that the program removed from its environment, and one if the object store would
    /// reach a key server through a proxy.
    ///
    /// - Parameters:
    ///   - removed: names of removed variables.
    ///   - environment: the values of the proxy variables that are set.
    ///   - endpoints: the key servers' addresses.
    package static func diagnostics(
        removed: [String], environment: [String: String], endpoints: [String]
    ) -> [Diagnostic] {
        var diagnostics = removed.map { name in
            Diagnostic(
                .warning, at: .variable(name), "removed from the environment: it changes the behaviour of a library",
                remedy: "unset it in the agent's environment")
        }
        if let variable = ["HTTPS_PROXY", "https_proxy"].first(where: { environment[$0]?.isEmpty == false }) {
            let rules = ["NO_PROXY", "no_proxy"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
            let proxied = endpoints.filter { ProxyExceptions(rules).usesProxy($0) }
            if let first = proxied.first {
                diagnostics.append(
                    Diagnostic(
                        .warning, at: .variable(variable),
                        "ignored: the agent connects directly; the object store would use it for \(first)",
                        remedy: "allow direct connections from here to the key servers"))
            }
        }
        return diagnostics
    }

    /// The variables whose values ``diagnostics(removed:environment:endpoints:)`` reads.
    package static let proxyVariables: Set = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"]
}

/// `NO_PROXY` by the rules of Go, which the object store follows.
struct ProxyExceptions {
    private let rules: [Substring]

    init(_ text: String) {
        self.rules = text.split(separator: ",").map { $0.drop { $0 == " " } }
            .map { $0.prefix { $0 != " " } }.filter { !$0.isEmpty }
    }

    /// Whether a proxy is used for `https://HOST:PORT`. Never for loopback.
    func usesProxy(_ address: String) -> Bool {
        let authority = address.dropFirst("https://".count).prefix { $0 != "/" }
        let host: Substring
        if authority.hasPrefix("[") {
            host = authority.dropFirst().prefix { $0 != "]" }
        } else {
            host = authority.prefix { $0 != ":" }
        }
        let name = host.lowercased()
        guard name != "localhost", name != "::1", !name.hasPrefix("127.") else { return false }
        let port = authority.split(separator: ":").last.flatMap { UInt16($0) } ?? 443
        return !self.rules.contains { Self.matches($0.lowercased(), name, port) }
    }

    /// `*`, an address or network, `example.com` with its subdomains, or `.example.com` for the subdomains only; each
    /// optionally with `:PORT`.
    private static func matches(_ rule: String, _ name: String, _ port: UInt16) -> Bool {
        if rule == "*" { return true }
        if rule.contains("/") { return IPv4Network(rule)?.contains(name) ?? false }
        var domain = rule
        let parts = rule.split(separator: ":")
        if parts.count == 2, let rulePort = UInt16(parts[1]) {
            guard rulePort == port else { return false }
            domain = String(parts[0])
        }
        if domain.hasPrefix("*.") { domain.removeFirst() }
        return domain.hasPrefix(".") ? name.hasSuffix(domain) : name == domain || name.hasSuffix("." + domain)
    }
}

/// `10.0.0.0/8`
private struct IPv4Network {
    private let address: UInt32
    private let mask: UInt32

    init?(_ text: String) {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let address = Self.address(String(parts[0])), let length = UInt32(parts[1]),
            length <= 32
        else { return nil }
        self.mask = length == 0 ? 0 : UInt32.max << (32 - length)
        self.address = address & self.mask
    }

    func contains(_ text: String) -> Bool { Self.address(text).map { $0 & self.mask == self.address } ?? false }

    private static func address(_ text: String) -> UInt32? {
        let bytes = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard bytes.count == 4 else { return nil }
        return bytes.reduce(UInt32?.some(0)) { sum, byte in
            guard let sum, let byte else { return nil }
            return sum << 8 | UInt32(byte)
        }
    }
}
