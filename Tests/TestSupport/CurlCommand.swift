// SPDX-License-Identifier: Apache-2.0

/// The `curl` command as a client of a server with TLS: somebody else's word on both HTTP versions.
package struct CurlCommand: Sendable {
    package enum HTTPVersion: String, Sendable, CaseIterable {
        case http11 = "--http1.1"
        case http2 = "--http2"
    }

    package struct Outcome: Sendable {
        /// curl's own: 0 done, 18 ended early, 35 no TLS, 52 no answer, 56 reset, 60 not trusted, 92 stream broken, …
        package let exitStatus: ExitStatus
        /// Whole answers, interim ones left out.
        package let answers: [HTTPAnswer]
        package let error: String
    }

    private let folder: TemporaryDirectory
    private let options: [String]

    /// - Parameters:
    ///   - authority: PEM of whom to trust.
    ///   - pair: what to show; nil: nothing.
    package init(
        _ httpVersion: HTTPVersion = .http11, trusting authority: String, as pair: TestKeyPair?
    ) throws(TestFailure) {
        self.folder = try TemporaryDirectory()
        var options = [httpVersion.rawValue, "--silent", "--show-error", "--include", "--max-time", "60"]
        options += ["--cacert", try self.folder.write(authority, to: "ca.crt")]
        if let pair {
            try pair.write(to: self.folder.path, as: "client")
            options += ["--cert", self.folder("client.crt"), "--key", self.folder("client.key")]
        }
        self.options = options
    }

    /// Runs a command. Several URLs share a connection where the server allows it.
    package func run(_ arguments: [String], input: String = "") throws(TestFailure) -> Outcome {
        var launch = Launch("/usr/bin/curl")
        launch.arguments = self.options + arguments
        launch.environment = Keyside.baseEnvironment
        launch.workingFolder = self.folder.path
        let outcome = try launch.run(input: input)
        return Outcome(
            exitStatus: outcome.status, answers: HTTPAnswer.inOutput(of: outcome.output), error: outcome.error)
    }
}

extension HTTPAnswer {
    /// The answers in what `curl --include` writes, without those to be continued. A body ends as its length says, or at
    /// the end.
    fileprivate static func inOutput(of output: String) -> [HTTPAnswer] {
        var answers: [HTTPAnswer] = []
        var rest = Array(output.utf8)[...]
        while let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) {
            let lines = String(decoding: rest[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
            let words = lines[0].split(separator: " ", maxSplits: 2)
            let fields = lines.dropFirst()
                .map { line in
                    let parts = line.split(separator: ":", maxSplits: 1)
                    return Field(
                        name: String(parts[0]), value: parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "")
                }
            rest = rest[end.upperBound...]
            let status = words.count > 1 ? Int(words[1]) ?? 0 : 0
            guard status >= 200 else { continue }
            let length = fields.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) }
            let body = rest.prefix(length ?? rest.count)
            rest = rest.dropFirst(body.count)
            answers.append(
                HTTPAnswer(
                    status: status, reason: words.count > 2 ? String(words[2]) : "", fields: fields, body: Array(body)))
        }
        return answers
    }
}
