// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Contexts that are costly to set up and serve one caller at a time.
///
/// A context is either in the pool or with the one caller that took it out. So there are never more of them than threads
/// that were at work at the same moment, and the pool needs no bound of its own.
final class ContextPool<Context: Sendable>: Sendable {
    private let idle: Mutex<[Context]>
    private let make: @Sendable () throws(CryptographyError) -> Context

    /// Makes the first context at once, so that what cannot work is known at start.
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
