// SPDX-License-Identifier: Apache-2.0

import Primitives
import Synchronization

/// Runs file operations that may block, for example on an unresponsive network file system, on a dedicated thread, one
/// at a time. A caller gets ``Failure/timedOut(path:limit:)`` after the limit.
///
/// The kernel has no way to cancel such a call, so its thread stays blocked. A worker has at most one thread, and none
/// while it is idle. Operations that arrive while the thread hangs wait for it within the same limit. So repeated
/// attempts need no more threads, and succeed when the file system responds again.
package final class FileWorker: Sendable {
    /// Why there is no result.
    package enum Failure: Error, Hashable, Sendable {
        /// `path` is the file that did not respond, if known.
        case timedOut(path: String?, limit: Duration)
        /// The task was cancelled.
        case cancelled
        /// No thread could be started, for this reason.
        case noThread(String)
    }

    private struct Work: Sendable {
        struct Call: Sendable {
            let body: @Sendable () -> Void
            let fail: @Sendable (Failure) -> Void
        }

        let id: Int
        let call: Call
        let progress = FileProgress()
    }

    private struct State {
        var waiting: [Work] = []
        /// The current operation; nil if there is no thread.
        var current: Work?
        var nextID = 0
    }

    private let limit: Duration
    private let state = Mutex(State())

    /// - Parameter limit: for each operation, including its wait for earlier ones.
    package init(limit: Duration = .seconds(10)) { self.limit = limit }

    /// Runs `body` on the worker's thread. A result after the limit is discarded.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws(Failure) -> Value {
        let outcome = OneShot<Result<Value, Failure>>()
        let id = self.add(
            Work.Call(body: { outcome.resolve(.success(body())) }, fail: { outcome.resolve(.failure($0)) }))
        let limit = self.limit
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            outcome.resolve(.failure(.timedOut(path: self.currentPath, limit: limit)))
        }
        defer {
            timer.cancel()
            self.remove(id)
        }
        return try await outcome.wait(ifCancelled: .failure(.cancelled)).get()
    }

    /// - Returns: the operation's ID.
    private func add(_ call: Work.Call) -> Int {
        let (id, startsThread) = self.state.withLock { state in
            let work = Work(id: state.nextID, call: call)
            state.nextID += 1
            let isFirst = state.current == nil
            if isFirst { state.current = work } else { state.waiting.append(work) }
            return (work.id, isFirst)
        }
        if startsThread { self.startThread() }
        return id
    }

    /// Removes an operation that has not begun.
    private func remove(_ id: Int) {
        self.state.withLock { state in state.waiting.removeAll { $0.id == id } }
    }

    private var currentPath: String? { self.state.withLock { $0.current?.progress.path } }

    // MARK: The thread

    private func startThread() {
        do throws(SystemError) {
            try DedicatedThread(name: "file-worker") { self.work() }.detach()
        } catch {
            let all = self.state.withLock { state in
                defer { (state.current, state.waiting) = (nil, []) }
                return [state.current].compactMap(\.self) + state.waiting
            }
            for work in all { work.call.fail(.noThread(error.description)) }
        }
    }

    /// The thread's body: runs operations until none is left.
    private func work() {
        var next = self.state.withLock { $0.current }
        while let work = next {
            FileProgress.$current.withValue(work.progress) { work.call.body() }
            next = self.state.withLock { state in
                state.current = state.waiting.isEmpty ? nil : state.waiting.removeFirst()
                return state.current
            }
        }
    }
}

extension FileWorker.Failure {
    /// What happened, as a text for the operator.
    package var reason: String {
        switch self {
        case .timedOut(let path, let limit):
            "\(path ?? "a file") could not be read within \(limit); check that its file system is mounted and reachable"
        case .cancelled: "cancelled"
        case .noThread(let reason): reason
        }
    }
}
