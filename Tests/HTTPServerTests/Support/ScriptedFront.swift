// SPDX-License-Identifier: Apache-2.0

import Cryptography
import HTTPMessages
import KeyService
import Linux
import LockedMemory
import ServerTestSupport
import TLS

@testable import HTTPServer

/// A front that answers by path, and late only when told to.
///
/// | path | answer |
/// |---|---|
/// | `/at-once` | 200, `at once` |
/// | `/echo` | 200, the body, at most ``bodyByteCountMax`` bytes of it |
/// | `/big/N` | 200, N bytes |
/// | `/later/X` | 200, `later X`, once the test has called `journal.note("answer X")`; it does not care for cancellation |
/// | `/brief/X` | the same, but the front gives up after a millisecond: 504, `timed out` |
/// | `/peer` | 200, the listener and what its client has proven: `tls IDENTITY`, `tls none`, `tls authority`,
/// `tls several` |
/// | `/refused` | 403 by the head |
/// | others | 404 by the head |
///
/// The journal says what happens: `route`, `begun X`, `cancelled X`, `made X`, `released` for a request that is no
/// longer held by anybody, `answered STATUS`, `malformed STATUS`.
final class ScriptedFront: DefaultFront, RequestObserver {
    static let bodyByteCountMax = 1_000_000

    let journal = Journal()
    private let identities: Set<Identity>

    /// - Parameter identities: the clients of TLS that are known.
    init(knowing identities: Set<Identity> = []) { self.identities = identities }

    func knows(_ credential: PeerCredential) -> Bool {
        guard case .identity(let identity) = credential else { return false }
        return self.identities.contains(identity)
    }

    let pathPrefixes = ["/"]

    var fronts: FrontRouter { FrontRouter(self) }

    func route(_ method: RequestMethod, _ path: [UInt8], from peer: Peer) -> (any RoutedRequest)? {
        self.journal.note("route")
        return Request(target: String(decoding: path, as: UTF8.self), peer: peer, front: self)
    }

    var pathNotFound: Response { .text(.notFound, "no such path") }

    func refusal(_ status: ResponseStatus, _ message: String) -> Response { .text(status, message) }

    func requestEnded(_ record: RequestRecord) {
        self.journal.note("\(record.request == nil ? "malformed" : "answered") \(record.outcome.status.rawValue)")
    }

    private final class Request: RoutedRequest {
        let target: String
        let peer: Peer
        let front: ScriptedFront

        init(target: String, peer: Peer, front: ScriptedFront) {
            self.target = target
            self.peer = peer
            self.front = front
        }

        deinit { self.front.journal.note("released") }

        var requestSubject: RequestSubject { .unknown }

        /// What stands behind `/later/` or `/brief/`.
        private var nameOfDeferred: String? {
            let parts = self.target.split(separator: "/")
            return parts.count == 2 && ["later", "brief"].contains(parts[0]) ? String(parts[1]) : nil
        }

        var timeout: Interval { self.target.hasPrefix("/brief/") ? .milliseconds(1) : .hours(1) }

        var refusal: Response? {
            switch self.target {
            case "/refused": .text(.forbidden, "refused")
            case "/at-once", "/echo", "/peer": nil
            case let target:
                self.nameOfDeferred != nil || target.hasPrefix("/big/") ? nil : .text(.notFound, "no such path")
            }
        }

        var bodyByteCountMax: Int {
            self.target == "/echo" || self.nameOfDeferred != nil ? ScriptedFront.bodyByteCountMax : 0
        }

        var bodyTooLarge: Response { .text(.badRequest, "body is too large") }
        var timedOut: Response { .text(.gatewayTimeout, "timed out") }

        func answer(
            body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
        ) -> DeferredAnswer? {
            if let name = self.nameOfDeferred {
                return { [front] writer in
                    front.journal.note("begun \(name)")
                    await withTaskCancellationHandler {
                        await front.journal.wait(for: "answer \(name)")
                    } onCancel: {
                        front.journal.note("cancelled \(name)")
                    }
                    writer.write(.text(.ok, "later \(name)"))
                    front.journal.note("made \(name)")
                }
            }
            if self.target.hasPrefix("/big/"), let byteCount = Int(self.target.dropFirst("/big/".count)) {
                writer.write(.ok, contentType: nil, bodyByteCount: byteCount) { output in
                    for _ in 0..<byteCount { output.append(UInt8(ascii: "b")) }
                }
            } else if self.target == "/echo" && (bodyLengthWasAnnounced || !body.isEmpty) {
                writer.write(.ok, contentType: nil, bodyByteCount: body.count) { output in
                    for index in body.indices { output.append(body[index]) }
                }
            } else if self.target == "/peer" {
                let credential = self.peer.identity?.description ?? "\(self.peer.credential)"
                writer.write(.text(.ok, "\(self.peer.listener) \(credential)"))
            } else if self.target == "/echo" {
                writer.write(.text(.ok, "nothing, and that was not announced"))
            } else {
                writer.write(.text(.ok, "at once"))
            }
            return nil
        }
    }
}

extension Response {
    fileprivate static func text(_ status: ResponseStatus, _ text: String) -> Response {
        Response(status, contentType: "text/plain", body: Array(text.utf8))
    }
}

extension TestConnection {
    init(front: ScriptedFront, limits: ServerLimits = .generous, sending bytes: String = "") async throws {
        try await self.init(fronts: front.fronts, observer: front, limits: limits, sending: bytes)
    }
}

extension TestServer {
    /// Runs `body` with a server that is gone afterwards, whatever comes of it.
    static func run(
        _ front: ScriptedFront, limits: ServerLimits = .generous, connections: ConnectionCount? = nil,
        threads: Int = 1, faults: AllocationFaults? = nil, _ body: (TestServer) async throws -> Void
    ) async throws {
        try await self.run(
            front.fronts, observer: front, limits: limits, connections: connections, threads: threads, faults: faults,
            body)
    }
}
