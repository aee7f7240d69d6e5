// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Settings

/// `NO_PROXY` as Go's programs read it.
struct ProxyExceptionsTests {
    @Test(arguments: [
        ("", "https://kes.example:7373", true), ("*", "https://kes.example", false),
        ("kes.example", "https://kes.example:7373", false), ("example", "https://kes.example", false),
        ("ample", "https://kes.example", true), (".example", "https://kes.example", false),
        (".kes.example", "https://kes.example", true), ("*.example", "https://kes.example", false),
        ("a, KES.example ,b", "https://kes.EXAMPLE", false), ("kes.example:7373", "https://kes.example:7373", false),
        ("kes.example:7373", "https://kes.example", true), ("kes.example:443", "https://kes.example", false),
        ("10.0.0.0/8", "https://10.1.2.3:7373", false), ("10.0.0.0/8", "https://11.1.2.3", true),
        ("10.1.2.3", "https://10.1.2.3:7373", false), ("0.0.0.0/0", "https://11.1.2.3", false),
        ("10.0.0.0/99", "https://10.1.2.3", true), ("", "https://localhost:7373", false),
        ("", "https://127.0.0.1:7373", false), ("", "https://[::1]:7373", false), ("", "https://[fd00::1]:7373", true),
    ])
    func theyDecideAsGoDoes(rules: String, address: String, usesProxy: Bool) {
        #expect(ProxyExceptions(rules).usesProxy(address) == usesProxy)
    }
}
