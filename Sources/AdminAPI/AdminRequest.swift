// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
import ByteCoding
import HTTPMessages
import HTTPServer
import KeyCache
import KeyService
import Linux

/// A request to the agent's own API, from its head to its answer.
final class AdminRequest: RoutedRequest {
    enum Action: Sendable {
        case writeMetrics
        case reportCache
        /// Empties the cache of a key's entries, or of all with nil.
        case purge(KeyName?)
        case refuse(Response)
    }

    private let front: AdminFront
    private let action: Action
    private let operation: Operation?
    /// What rights are judged by.
    private let path: [UInt8]

    init(front: AdminFront, action: Action, operation: Operation?, path: [UInt8]) {
        self.front = front
        self.action = action
        self.operation = operation
        self.path = path
    }

    var requestSubject: RequestSubject {
        switch self.action {
        case .reportCache, .purge: .cache
        case .writeMetrics, .refuse: self.operation.map(RequestSubject.operation) ?? .unknown
        }
    }

    var keyName: KeyName? {
        guard case .purge(let name) = self.action else { return nil }
        return name
    }

    /// Refusals do not: what was refused may be allowed by now.
    var mayRecur: Bool { self.refusal == nil }

    func again(from peer: Peer) -> any RoutedRequest {
        do throws(AdminFailure) {
            try self.front.authorize(peer, to: self.operation, on: self.keyName, at: self.path)
            return self
        } catch {
            return self.front.refuse(error, to: self.operation)
        }
    }

    var refusal: Response? {
        guard case .refuse(let response) = self.action else { return nil }
        return response
    }

    var bodyByteCountMax: Int { 0 }
    var timeout: Interval { self.operation == .metrics ? .seconds(15) : .seconds(10) }
    var bodyTooLarge: Response { AdminFailure.bodyTooLarge.response }
    var timedOut: Response { AdminFailure.timedOut.response }

    func answer(
        body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
    ) -> DeferredAnswer? {
        switch self.action {
        case .writeMetrics:
            writer.write(
                Response(
                    .ok, contentType: "text/plain; version=0.0.4; charset=utf-8",
                    body: Array(self.front.metricsText.utf8)))
        case .reportCache:
            writer.write(.json(CacheReport(self.front.cache)))
        case .purge(let name):
            let cache = self.front.cache
            return { writer in
                // May take a while in a cache with many entries.
                let count = await cache?.purge(name) ?? 0
                writer.write(.json(CachePurge(count: count)))
            }
        case .refuse(let response):
            writer.write(response)
        }
        return nil
    }
}

extension Response {
    fileprivate static func json(_ message: some JSONWritable) -> Response {
        Response(.ok, contentType: "application/json", body: JSONWriter.text(message, escaping: .html) + "\n".utf8)
    }
}
