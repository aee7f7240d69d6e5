// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// In which words questions were put: from the fingerprint of a request's bytes to that of what it asks. A request in
/// words that were understood before need not be read again, which is most of the work of a hit.
///
/// Only an index: whether the question has an answer, its entry says. Each place keeps the wording that came last, so
/// nothing has to be taken out, and one that was pushed out is learned again.
struct RequestBodyTable {
    private struct Pair {
        var requestBody = Fingerprint(low: 0, high: 0)
        var question = Fingerprint(low: 0, high: 0)
    }

    private let placeCount: Int
    /// None before the first wording is learned.
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

/// The wordings of all requests, in shares as the entries are.
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
        // No more than there are entries, so that each of them costs a bounded number of bytes.
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
