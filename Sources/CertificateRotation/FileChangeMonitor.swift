// SPDX-License-Identifier: Apache-2.0

package import Linux

/// Decides when to read files again: after a change has settled, soon after a read that found an incomplete
/// replacement, and periodically, because inotify(7) does not report every change.
package struct FileChangeMonitor: Sendable {
    /// Delays. Tests use shorter ones.
    package struct Timing: Sendable {
        /// Delay from a change to the next read, and between reads of an incomplete replacement.
        package var settling = Duration.milliseconds(200)
        /// Interval of the periodic reads.
        package var period = Duration.seconds(60)

        package init() {}
    }

    private let paths: [String]
    private let pace: Timing
    private let worker = FileWorker()

    /// - Parameter paths: see ``DirectoryWatch``.
    package init(for paths: [String], pace: Timing = Timing()) {
        self.paths = paths
        self.pace = pace
    }

    /// Calls `look` until it is cancelled.
    ///
    /// - Parameters:
    ///   - cannotWatch: called with the reason if changes cannot be watched and are found only periodically.
    ///   - look: reads the files. Returns whether to read them again soon.
    package func run(
        cannotWatch: @Sendable (SystemError) -> Void, look: @escaping @Sendable () async -> Bool
    ) async {
        let (wakeUps, feed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let pace = self.pace
        let watch = await self.makeWatch(cannotWatch)
        await withDiscardingTaskGroup { group in
            if let watch {
                group.addTask { for await _ in watch.changes { feed.yield() } }
            }
            group.addTask {
                feed.yield()  // Covers changes since the start.
                while (try? await Task.sleep(for: pace.period)) != nil { feed.yield() }
            }
            for await _ in wakeUps {
                var isToLookAgain = true
                while isToLookAgain && !Task.isCancelled {
                    try? await Task.sleep(for: pace.settling)
                    isToLookAgain = await look()
                }
            }
            group.cancelAll()
        }
    }

    private func makeWatch(_ cannotWatch: @Sendable (SystemError) -> Void) async -> DirectoryWatch? {
        let paths = self.paths
        let watch: Result<DirectoryWatch, SystemError>
        do throws(FileWorker.Failure) {
            watch = try await self.worker.run { Result { () throws(SystemError) in try DirectoryWatch(paths) } }
        } catch .cancelled {
            return nil
        } catch {
            watch = .failure(.timedOut("watch", paths.first ?? "nothing"))
        }
        switch watch {
        case .success(let watch): return watch
        case .failure(let error):
            cannotWatch(error)
            return nil
        }
    }
}
