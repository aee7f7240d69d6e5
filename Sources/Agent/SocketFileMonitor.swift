// SPDX-License-Identifier: Apache-2.0

import CertificateRotation
import Linux
import Logging
import Synchronization

/// Keeps the socket file of a running agent in place: notices when it is removed or replaced, and makes it again.
///
/// A path on which another process listens is left to that process until it is gone. Only for a socket that the agent has
/// made: the file of one that a service manager passed in is the manager's.
final class SocketFileMonitor: Sendable {
    private struct State: ~Copyable {
        var file: SocketFile
        /// Whether the file is to be made no more.
        var isClosed = false
        /// Why the file cannot be made again, once that has been logged.
        var logged: SocketFileError?
    }

    let path: String
    /// The listening descriptor at the start. The server closes it.
    let descriptor: CInt

    private let state: Mutex<State>
    private let worker = FileWorker()
    private let logger: Logger

    /// What inotify(7) cannot see, such as a mount over the directory, is noticed by looking.
    private static let timing = {
        var pace = FileChangeMonitor.Timing()
        pace.settling = .milliseconds(50)
        pace.period = .seconds(5)
        return pace
    }()

    init(_ file: consuming SocketFile, logger: Logger) {
        self.path = file.path
        self.descriptor = file.descriptor
        self.state = Mutex(State(file: file))
        self.logger = logger
    }

    /// Watches until it is cancelled.
    ///
    /// - Parameter replace: takes over the listening socket of a file that was made again.
    func run(_ replace: @escaping @Sendable (consuming Descriptor) -> Void) async {
        let logger = self.logger
        let monitor = FileChangeMonitor(for: [self.path], pace: Self.timing)
        await monitor.run(
            cannotWatch: { error in
                logger.warning(
                    "cannot watch the socket's directory; checking every 5 seconds",
                    metadata: ["reason": "\(error)"])
            }
        ) {
            // A file system that does not answer is looked at again the next time.
            try? await self.worker.run { self.restore(replace) }
            return false
        }
    }

    /// Removes the file, if it is still the agent's, and makes none again.
    func close() async {
        self.state.withLock { $0.isClosed = true }
        try? await self.worker.run { self.removeFile() }
    }

    /// As ``close()``, on the calling thread.
    func removeFile() {
        self.state.withLock { state in
            state.isClosed = true
            state.file.removeName()
        }
    }

    // MARK: On the worker's thread

    private func restore(_ replace: (consuming Descriptor) -> Void) {
        let (site, identity, isClosed, isKnown) = self.state.withLock { state in
            (state.file.site, state.file.identity, state.isClosed, state.logged != nil)
        }
        guard !isClosed, !identity.isAt(site.path) else { return self.noteInPlace() }
        if !isKnown {
            self.logger.warning(
                "socket file removed or replaced; creating it again", metadata: ["socket": "\(site.path)"])
        }
        do throws(SocketFileError) {
            guard let descriptor = self.take(try SocketFile(at: site)) else { return }
            replace(Descriptor(owning: descriptor))
            self.logger.notice("listening again", metadata: ["socket": "\(site.path)"])
        } catch {
            self.note(error)
        }
    }

    /// - Returns: the descriptor of the file; nil if the agent stops, which removes the file.
    private func take(_ file: consuming SocketFile) -> CInt? {
        let descriptor = file.descriptor
        var file = Optional(file)  // What a closure captures cannot be consumed in it, but taken.
        let isTaken = self.state.withLock { state in
            if let file = file.take() { state.file = file }
            state.logged = nil
            if state.isClosed { state.file.removeName() }
            return !state.isClosed
        }
        if !isTaken { _ = Descriptor(owning: descriptor) }
        return isTaken ? descriptor : nil
    }

    private func noteInPlace() { self.state.withLock { $0.logged = nil } }

    private func note(_ error: SocketFileError) {
        let isNew = self.state.withLock { state in
            defer { state.logged = error }
            return state.logged != error
        }
        guard isNew else { return }
        self.logger.error(
            "cannot create the socket file again; retrying every 5 seconds",
            metadata: ["reason": "\(AgentFailure(error).message)"])
    }
}
