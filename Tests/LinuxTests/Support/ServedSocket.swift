// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization
import TestSupport

/// A socket and the process behind it: it stops when it is told to or forgotten, and leaves its name behind.
final class ServedSocket: Sendable {
    let file: SocketFile

    private let hasStopped = Atomic(false)

    init(_ place: SocketSettings) throws(SocketFileError) { self.file = try SocketFile(at: place) }

    deinit { self.stop() }

    func stop() {
        guard !self.hasStopped.exchange(true, ordering: .relaxed) else { return }
        close(self.file.descriptor)
    }
}

extension SocketFileError {
    /// The system call that failed, if that is it.
    var systemError: SystemError? {
        guard case .system(let error) = self else { return nil }
        return error
    }
}

extension Result where Failure == SocketFileError {
    var error: SocketFileError? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}

/// 0 if somebody listens at `path`, else why not.
func connect(to path: String) -> Int32 {
    do throws(TestFailure) {
        _ = try UnixSocket.connection(to: path)
        return 0
    } catch .system(_, let code) {
        return code
    } catch {
        return -1
    }
}
