// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Maps the fingerprint of a raw request body to that of the question it encodes, so that identical bodies need no
/// parsing, which is most of the work of a hit.
///
/// Only an index: the entry decides whether there is an answer. Each place holds the body that was stored last, so
/// nothing needs to be removed, and a displaced body is stored again on its next use.
struct RequestBodyTable {
    private struct Pair {
        var requestBody = Fingerprint(low: 0, high: 0)
        var question = Fingerprint(low: 0, high: 0)
    }

    private let placeCount: Int
    /// Empty before the first body is stored.
    private var pairs: [Pair] = []

    /// - Parameter placeCount: a power of two.
    init(placeCount: Int) {
        precondition(placeCount > 0 && placeCount & (placeCount - 1) == 0)
        self.placeCount = placeCount
    }

    func question(of requestBody: Fingerprint) -> Fingerprint? {
        guard !self.pairs.isEmpty else { return nil }
        let pair = self.pairs[self.place(of: requestBody)]
        return pair.requestBody == requestBody ? pair.question : nil
    }

    mutating func remember(_ requestBody: Fingerprint, of question: Fingerprint) {
        if self.pairs.isEmpty { self.pairs = Array(repeating: Pair(), count: self.placeCount) }
        self.pairs[self.place(of: requestBody)] = Pair(requestBody: requestBody, question: question)
    }

    private func place(of requestBody: Fingerprint) -> Int {
        Int(truncatingIfNeeded: requestBody.low) & (self.placeCount - 1)
    }
}

/// The index of all request bodies, in shards like those of the entries.
final class RequestBodyIndex: Sendable {
    private final class Share: Sendable {
        let table: Mutex<RequestBodyTable>

        init(placeCount: Int) { self.table = Mutex(RequestBodyTable(placeCount: placeCount)) }
    }

    private let shares: [Share]

    /// - Parameters:
    ///   - capacity: of the cache.
    ///   - shareCount: a power of two.
    init(capacity: Int, shareCount: Int) {
        // At most as many places as entries, to bound the bytes per entry.
        var placeCount = 1
        while placeCount * 2 * shareCount <= capacity { placeCount *= 2 }
        self.shares = (0..<shareCount).map { _ in Share(placeCount: placeCount) }
    }

    func question(of requestBody: Fingerprint) -> Fingerprint? {
        self.share(of: requestBody).table.withLock { $0.question(of: requestBody) }
    }

    func remember(_ requestBody: Fingerprint, of question: Fingerprint) {
        self.share(of: requestBody).table.withLock { $0.remember(requestBody, of: question) }
    }

    private func share(of requestBody: Fingerprint) -> Share {
        self.shares[Int(truncatingIfNeeded: requestBody.high) & (self.shares.count - 1)]
    }
}
