// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc
import Testing

@testable import CurlTransport
@testable import LockedMemory

/// What this process lacks is not taken for a fault of the server, whatever libcurl calls it.
@Suite struct OwnLackTests {
    private static let codes = [
        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SEND_ERROR,
        CURLE_RECV_ERROR, CURLE_COULDNT_CONNECT, CURLE_OUT_OF_MEMORY, CURLE_HTTP2, CURLE_GOT_NOTHING,
    ]

    @Test("a failure is a lack of memory if an allocation was refused meanwhile")
    func refusedAllocation() throws {
        let handle = try Self.handle()
        for code in Self.codes {
            try handle.begin(Self.transfer, needsOwnConnection: false)
            if code != CURLE_OUT_OF_MEMORY { #expect(handle.failure(code).kind != .noMemory) }
            RefusedAllocations.note()
            #expect(handle.failure(code).kind == .noMemory)
            handle.reset()
        }
    }

    @Test("a refusal before the transfer began says nothing of it")
    func earlierRefusal() throws {
        let handle = try Self.handle()
        RefusedAllocations.note()
        try handle.begin(Self.transfer, needsOwnConnection: false)
        #expect(handle.failure(CURLE_SSL_CONNECT_ERROR).kind == .tls)
    }

    @Test("a machine without sockets does not blame the server", arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func noSocket(code: CInt) throws {
        let handle = try Self.handle()
        try handle.begin(Self.transfer, needsOwnConnection: false)
        handle.socketRefusal = code
        #expect(handle.failure(CURLE_COULDNT_CONNECT).kind == .noResources)
        handle.reset()
        try handle.begin(Self.transfer, needsOwnConnection: false)
        #expect(handle.failure(CURLE_COULDNT_CONNECT).kind == .refused)
    }

    private static var transfer: Transfer { .get("https://127.0.0.1:1") }

    private static func handle() throws -> EasyHandle {
        let memory = try Trust.shared.memory
        try CurlLibrary.install(memory)
        return try EasyHandle(tls: nil, httpVersion: Int(CURL_HTTP_VERSION_1_1), memory: memory)
    }
}
