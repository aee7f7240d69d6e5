// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A pool of contexts that are expensive to create and used by one caller at a time.
///
/// A context is either in the pool or with the caller that took it. So there are never more contexts than threads that
/// used the pool at the same moment, and the pool needs no limit.
final class ContextPool<Context: Sendable>: Sendable {
    private let idle: Mutex<[Context]>
    private let make: @Sendable () throws(CryptographyError) -> Context

    /// Creates the first context at once, so that a missing algorithm is found at start.
    init(_ make: @escaping @Sendable () throws(CryptographyError) -> Context) throws(CryptographyError) {
        self.make = make
        self.idle = Mutex([try make()])
    }

    func withContext<Result: ~Copyable>(
        _ body: (Context) throws(CryptographyError) -> Result
    ) throws(CryptographyError) -> Result {
        let context = try self.take()
        defer { self.idle.withLock { $0.append(context) } }
        return try body(context)
    }

    private func take() throws(CryptographyError) -> Context {
        if let context = self.idle.withLock({ $0.popLast() }) { return context }
        return try self.make()
    }
}
