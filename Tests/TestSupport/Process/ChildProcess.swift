// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Glibc
import Synchronization

/// A program and how it is started. It gets no variable, descriptor or signal disposition of this process.
package struct Launch: Sendable {
    package var program: String
    /// Without the program itself.
    package var arguments: [String] = []
    package var environment: [String: String] = [:]
    package var workingFolder = "/"
    /// Nil: as who one is.
    package var account: Account?
    /// RLIMIT_MEMLOCK in bytes.
    package var lockedMemoryMax: Int?
    /// Whether the kernel is to say that it has no memfd_secret(2).
    package var lacksMemfdSecret = false

    package init(_ program: String) { self.program = program }
}

/// How a process ended.
package enum ExitStatus: Equatable, Sendable {
    case exited(Int32)
    case killed(Int32)
}

/// A process that a test has started. It is killed when nobody owns it any more.
package final class ChildProcess: Sendable {
    package let processID: Int32
    private let descriptor: Descriptor
    private let status = Mutex<ExitStatus?>(nil)

    package init(
        _ launch: Launch, input: Descriptor, output: Descriptor, error: Descriptor
    ) throws(TestFailure) {
        let environment = launch.environment.map { "\($0.key)=\($0.value)" }
        let process = unsafe Self.withCStrings([launch.program] + launch.arguments) { arguments in
            unsafe Self.withCStrings(environment) { environment in
                unsafe launch.program.withCString { program in
                    unsafe launch.workingFolder.withCString { folder in
                        var request = unsafe testsupport_launch(
                            program: program, arguments: arguments, environment: environment, working_folder: folder,
                            input: input.number, output: output.number, error: error.number,
                            user: launch.account?.user ?? uid_t.max, group: launch.account?.group ?? gid_t.max,
                            locked_memory_max: Int64(launch.lockedMemoryMax ?? -1),
                            lacks_memfd_secret: launch.lacksMemfdSecret)
                        return unsafe testsupport_start(&request)
                    }
                }
            }
        }
        guard process > 0 else { throw .system("start \(launch.program)") }
        self.processID = process
        self.descriptor = Descriptor(testsupport_open_process(process))
        guard self.descriptor.number >= 0 else { throw .system("pidfd_open") }
    }

    deinit { self.kill() }

    package func signal(_ number: CInt) throws(TestFailure) {
        guard Glibc.kill(self.processID, number) == 0 else { throw .system("kill") }
    }

    /// Ends the process at once, if it has not ended by itself.
    package func kill() {
        self.status.withLock { status in
            guard status == nil else { return }
            Glibc.kill(self.processID, SIGKILL)
            status = self.reap()
        }
    }

    /// Readable when the process has ended.
    var endDescriptor: CInt { self.descriptor.number }

    var hasEnded: Bool {
        var entry = pollfd(fd: self.descriptor.number, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, 0) > 0
    }

    /// The state of each thread, by its name: one letter of proc(5). Empty once the process has ended.
    package var threadStates: [String: String] {
        guard let folder = unsafe opendir("/proc/\(self.processID)/task") else { return [:] }
        defer { unsafe closedir(folder) }
        var states: [String: String] = [:]
        while let entry = unsafe readdir(folder) {
            let thread = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            // 12 (log-writer) S 1 …
            guard let text = try? text(of: "/proc/\(self.processID)/task/\(thread)/stat"),
                let start = text.firstIndex(of: "("), let end = text.lastIndex(of: ")")
            else { continue }
            states[String(text[text.index(after: start)..<end])] = String(text[end...].dropFirst(2).prefix(1))
        }
        return states
    }

    package func waitForExit(until deadline: Deadline = .standard) throws(TestFailure) -> ExitStatus {
        _ = try deadline.wait(
            for: POLLIN, on: [self.descriptor.number], waitingFor: "the end of process \(self.processID)")
        return self.status.withLock { status in
            let known = status ?? self.reap()
            status = known
            return known
        }
    }

    private func reap() -> ExitStatus {
        var code: CInt = 0
        while unsafe waitpid(self.processID, &code, 0) < 0, errno == EINTR {}
        let signal = code & 0x7f
        return signal == 0 ? .exited((code >> 8) & 0xff) : .killed(signal)
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return unsafe body(&pointers)
    }
}
