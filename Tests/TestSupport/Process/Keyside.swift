// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The program under test.
package enum Keyside {
    /// `KEYSIDE_BINARY`, else the `keyside` that was built beside the tests.
    package static func binary() throws(TestFailure) -> String {
        if let named = unsafe getenv("KEYSIDE_BINARY") { return unsafe String(cString: named) }
        return try Self.product("keyside", hint: ", or name another with KEYSIDE_BINARY")
    }

    /// A program that was built beside the tests.
    package static func product(_ name: String, hint: String = "") throws(TestFailure) -> String {
        var bytes = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count - 1)
        guard count > 0 else { throw .system("readlink /proc/self/exe") }
        let executable = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = executable.prefix(through: executable.lastIndex(of: "/") ?? executable.startIndex) + name
        guard unsafe access(String(path), X_OK) == 0 else {
            throw .unusable("there is no program at \(path): build it\(hint)")
        }
        return String(path)
    }

    /// What a command left behind.
    package struct Outcome: Sendable {
        package let status: ExitStatus
        package let output: String
        package let error: String
    }

    /// Runs a command to its end. It has the variables given, and `PATH` and `HOME`.
    ///
    /// - Parameter configure: changes what is not said by the other parameters.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], input: String = "",
        configure: (inout Launch) -> Void = { _ in }
    ) throws(TestFailure) -> Outcome {
        let folder = try TemporaryDirectory()
        var launch = Launch(try Self.binary())
        launch.arguments = arguments
        launch.environment = Self.baseEnvironment.merging(environment) { $1 }
        launch.workingFolder = folder.path
        configure(&launch)
        return try launch.run(input: input)
    }

    package static let baseEnvironment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]
}

extension Launch {
    /// Runs the program to its end.
    package func run(input: String = "") throws(TestFailure) -> Keyside.Outcome {
        let folder = try TemporaryDirectory()
        let streams = try StandardFiles(in: folder, input: input)
        let process = try ChildProcess(self, input: streams.input, output: streams.output, error: streams.error)
        let status = try process.waitForExit()
        return Keyside.Outcome(
            status: status, output: try text(of: streams.outputPath), error: try text(of: streams.errorPath))
    }
}

/// Files that stand in for a terminal, so that nobody need read while the program runs.
struct StandardFiles: Sendable {
    let input: Descriptor
    let output: Descriptor
    let error: Descriptor
    let outputPath: String
    let errorPath: String

    init(in folder: TemporaryDirectory, input: String = "") throws(TestFailure) {
        self.input = try Descriptor.open(try folder.write(input, to: "standard-input"), O_RDONLY)
        self.outputPath = folder("standard-output")
        self.errorPath = folder("standard-error")
        self.output = try Descriptor.open(self.outputPath, O_WRONLY | O_CREAT | O_APPEND)
        self.error = try Descriptor.open(self.errorPath, O_WRONLY | O_CREAT | O_APPEND)
    }
}
