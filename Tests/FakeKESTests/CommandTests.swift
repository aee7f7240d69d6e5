// SPDX-License-Identifier: Apache-2.0

import FakeKES
import Glibc
import TestSupport
import Testing

/// The server as a program of its own.
struct CommandTests {
    @Test("It makes what is missing, says how to reach it, and does as it is told while it runs")
    func runs() throws {
        let folder = try TemporaryDirectory()
        let (process, variables) = try Self.start(["--tls", folder("tls"), "--control", folder("control")])
        let endpoint = try #require(variables["MINIO_KMS_KES_ENDPOINT"])
        let apiKey = try TestAPIKey(text: try #require(variables["MINIO_KMS_KES_API_KEY"]))
        #expect(variables["MINIO_KMS_KES_KEY_NAME"] == "my-key")
        let curl = try CurlCommand(
            .http2, trusting: try text(of: try #require(variables["MINIO_KMS_KES_CAPATH"])), as: apiKey.pair)
        let question = ["--data-binary", "{}", endpoint + "/v1/key/generate/my-key"]
        #expect(try curl.run(question).answers.first?.status == 200)

        let control = ["--unix-socket", folder("control")]
        let set = try curl.run(control + ["--upload-file", "-", "http://x/faults"], input: "status=429 enough")
        #expect(set.answers.first?.status == 200)
        #expect(try curl.run(question).answers.first?.message == "enough")
        let state = try curl.run(control + ["http://x/state"]).answers.first?.json ?? .missing
        #expect(state["requests"]["/v1/key/generate/"].integer == 2)
        process.kill()
    }

    @Test("Its certificates and its API key stay the same")
    func keepsCredentials() throws {
        let folder = try TemporaryDirectory()
        let started = try (1...2)
            .map { _ in
                let (process, variables) = try Self.start(["--tls", folder("tls"), "--key", "other"])
                process.kill()
                return [variables["MINIO_KMS_KES_API_KEY"], variables["MINIO_KMS_KES_KEY_NAME"]]
            }
        #expect(started[0] == started[1] && started[0][1] == "other")
    }

    /// Starts the program on a free port and waits for the variables that it prints.
    private static func start(_ arguments: [String]) throws -> (ChildProcess, [String: String]) {
        let nothing = try Descriptor.open("/dev/null", O_RDWR)
        let (output, input) = try Descriptor.pipe()
        var launch = Launch(try Keyside.product("keyside-fake-kes"))
        launch.arguments = ["--listen", "127.0.0.1:0"] + arguments
        let process = try ChildProcess(launch, input: nothing, output: input, error: nothing)
        var text = ""
        while !text.contains("KEY_FILE=") {
            _ = try Deadline.standard.wait(for: POLLIN, on: [output.number], waitingFor: "the variables")
            text += String(decoding: try output.read(atMost: 4096), as: UTF8.self)
        }
        let pairs = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: "=", maxSplits: 1) }
        return (
            process, [String: String](uniqueKeysWithValues: pairs.map { (String($0[0]), String($0[1])) })
        )
    }
}
