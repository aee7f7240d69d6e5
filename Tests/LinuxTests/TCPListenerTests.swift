// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Linux

@Suite struct TCPListenerTests {
    @Test("addresses are numbers with a port", arguments: ["127.0.0.1:7373", "[::1]:7373", "0.0.0.0:0", "[::]:65535"])
    func addresses(text: String) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.description == text)
        #expect(address.isLoopback == (text.hasPrefix("127") || text.hasPrefix("[::1]")))
    }

    @Test(
        "what is no address",
        arguments: [
            "", "127.0.0.1", ":7373", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1: 1", "localhost:7373",
            "::1:7373", "[127.0.0.1]:1", "[::1]", "127.1:1", "127.0.0.1:7373 ",
        ])
    func noAddresses(text: String) { #expect(ListenAddress(text) == nil) }

    @Test("it listens, and a port that is taken is told", arguments: ["127.0.0.1:0", "[::1]:0"])
    func taken(text: String) throws {
        let listener = try TCPListener(at: try #require(ListenAddress(text)))
        let address = listener.address
        #expect(address.port > 0)
        #expect(throws: TCPListenerError.inUse(address)) { _ = try TCPListener(at: address).address }
    }

    @Test func anAddressOfAnotherMachineIsTold() throws {
        let address = try #require(ListenAddress("192.0.2.1:7373"))
        #expect(throws: TCPListenerError.notLocal(address)) { _ = try TCPListener(at: address).address }
    }
}
