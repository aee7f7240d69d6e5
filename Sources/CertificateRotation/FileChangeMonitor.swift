// SPDX-License-Identifier: Apache-2.0

package import Linux

/// When to look at files: after a change has settled, again soon where they may be halfway from one state to the next, and
/// from time to time, since not every change can be seen.
package struct FileChangeMonitor: Sendable {
    /// How long to wait for what. Tests wait less.
    package struct Timing: Sendable {
        /// From a change to looking, and from there to looking again.
        package var settling = Duration.milliseconds(200)
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

    /// Has somebody look until it is cancelled.
    ///
    /// - Parameters:
    ///   - cannotWatch: is told why changes are found only by looking from time to time.
    ///   - look: whether to look again soon.
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
                feed.yield()  // What has changed since the start.
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
