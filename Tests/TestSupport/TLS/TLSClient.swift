// SPDX-License-Identifier: Apache-2.0

import CTestSupport

/// What a client of TLS knows before it meets a server.
package struct TLSClient: Sendable {
    /// Whom it trusts, PEM.
    package var authority: String
    /// What it shows; nil: nothing.
    package var pair: TestKeyPair?
    /// Certificates that it sends after its own, PEM, in this order. Nothing checks them.
    package var others: String?
    /// What it speaks, in ALPN's names.
    package var protocols: [String]
    /// The only version of TLS that it speaks; nil: 1.2 and 1.3.
    package var version: TLSVersion?
    /// The session that it resumes.
    package var session: TLSClientSession?

    package init(
        trusting authority: String, as pair: TestKeyPair?, followedBy others: String? = nil,
        speaking protocols: [String] = ["http/1.1"], version: TLSVersion? = nil
    ) {
        self.authority = authority
        self.pair = pair
        self.others = others
        self.protocols = protocols
        self.version = version
    }

    /// What it begins a handshake with.
    package func hello() throws(TestFailure) -> [UInt8] {
        let tls = try TLSRecords(self)
        _ = try tls.shakeHands()
        return tls.takeRecords()
    }
}

package enum TLSVersion: CInt, Sendable, CaseIterable {
    case tls12 = 0x0303
    case tls13 = 0x0304
}

/// A session that a client can resume.
///
/// `@unchecked Sendable`: nobody changes it, and its references are counted atomically.
@safe package final class TLSClientSession: @unchecked Sendable {
    fileprivate let session: OpaquePointer

    fileprivate init?(_ session: OpaquePointer?) {
        guard let session = unsafe session else { return nil }
        unsafe self.session = session
    }

    deinit { unsafe testsupport_tls_session_free(self.session) }
}

/// One connection of TLS from its client's side, as bytes: it knows no socket.
@safe final class TLSRecords {
    private let tls: OpaquePointer

    init(_ client: TLSClient) throws(TestFailure) {
        SharedMemory.giveToOpenSSL()
        let protocols = client.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        let made = unsafe Self.withCString(client.pair?.certificate) { certificate in
            unsafe Self.withCString(client.pair?.key) { key in
                unsafe Self.withCString(client.others) { others in
                    unsafe client.authority.withCString { authority in
                        unsafe protocols.withUnsafeBufferPointer { protocols in
                            var wanted = unsafe testsupport_tls_client(
                                authority: authority, certificate: certificate, key: key, others: others,
                                version: client.version?.rawValue ?? 0, session: client.session?.session,
                                protocols: protocols.baseAddress, protocols_count: UInt32(protocols.count))
                            return unsafe testsupport_tls_make(&wanted)
                        }
                    }
                }
            }
        }
        guard let made = unsafe made else { throw .unusable("OpenSSL takes neither authority nor certificate") }
        unsafe self.tls = made
    }

    deinit { unsafe testsupport_tls_free(self.tls) }

    private static func withCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
        guard let text else { return body(nil) }
        return unsafe text.withCString { unsafe body($0) }
    }

    /// The session that a later connection can resume; nil if the server has offered none.
    var session: TLSClientSession? { unsafe TLSClientSession(testsupport_tls_take_session(self.tls)) }

    var isResumed: Bool { unsafe testsupport_tls_is_resumed(self.tls) }

    /// - Returns: whether the handshake is done.
    func shakeHands() throws(TestFailure) -> Bool {
        try self.count(unsafe testsupport_tls_shake_hands(self.tls), of: "handshake") != nil
    }

    func write(_ bytes: [UInt8]) throws(TestFailure) {
        guard !bytes.isEmpty else { return }
        guard try self.count(unsafe testsupport_tls_write(self.tls, bytes, CInt(bytes.count)), of: "write") != nil
        else { throw .malformed("TLS that is to be renegotiated") }
    }

    /// All that has come.
    ///
    /// - Throws: `.ended` where the server has said that this was all, and there is nothing before it.
    func read() throws(TestFailure) -> [UInt8] {
        var all: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let result = unsafe testsupport_tls_read(self.tls, &bytes, CInt(bytes.count))
            if Int(result) == TESTSUPPORT_TLS_ENDED, !all.isEmpty { return all }
            guard let count = try self.count(result, of: "read") else { return all }
            all += bytes.prefix(count)
        }
    }

    func end() { unsafe testsupport_tls_end(self.tls) }

    /// Records from the server.
    func receive(_ records: [UInt8]) { unsafe testsupport_tls_receive(self.tls, records, CInt(records.count)) }

    /// Records for the server.
    func takeRecords() -> [UInt8] {
        var all: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = unsafe testsupport_tls_take(self.tls, &bytes, CInt(bytes.count))
            if count == 0 { return all }
            all += bytes.prefix(Int(count))
        }
    }

    /// - Returns: nil where more has to come first.
    private func count(_ result: CInt, of call: String) throws(TestFailure) -> Int? {
        switch Int(result) {
        case TESTSUPPORT_TLS_WAITS: return nil
        case TESTSUPPORT_TLS_ENDED: throw .ended("TLS is over")
        case TESTSUPPORT_TLS_FAILED:
            let reason = unsafe takeText(testsupport_tls_error())
            throw .ended("TLS failed in \(call): \(reason ?? "no memory")")
        case let count: return count
        }
    }
}
