// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Clients that others have made, as they come: what they think of the agent's TLS and HTTP.
@Suite struct ForeignClientTests {
    /// Certificates of a client in files, and the agent's authority.
    private let files: TLSFiles

    init() throws {
        self.files = try TLSFiles()
        try self.files.client.write(to: self.files.folder.path, as: "client")
        try self.files.folder.write(self.files.authority.certificate, to: "ca.crt")
    }

    private func run(_ program: String, _ arguments: [String], input: String = "") throws -> Keyside.Outcome {
        var launch = Launch("/usr/bin/\(program)")
        launch.arguments = arguments
        launch.environment = Keyside.baseEnvironment
        launch.workingFolder = self.files.folder.path
        return try launch.run(input: input)
    }

    /// Asks on one connection, and again on one that resumes its session.
    private static let script = """
        import http.client, json, socket, ssl, sys

        port = int(sys.argv[1])

        def connect(session):
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
            connection.sock = context.wrap_socket(
                socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1", session=session)
            return connection

        def ask(connection, path, body):
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, (answer.status, text)
            return json.loads(text)

        context = ssl.create_default_context(cafile="ca.crt")
        context.load_cert_chain("client.crt", "client.key")
        context.maximum_version = ssl.TLSVersion[sys.argv[2]]
        session = None
        for wanted in [False, True]:
            connection = connect(session)
            made = ask(connection, "/v1/key/generate/my-key", {"context": "e30="})
            opened = ask(connection, "/v1/key/decrypt/my-key", {"ciphertext": made["ciphertext"], "context": "e30="})
            assert opened["plaintext"] == made["plaintext"]
            assert connection.sock.session_reused == wanted, "resumption"
            session = connection.sock.session
            version = connection.sock.version()
            connection.close()
        print(version)
        """

    @Test(arguments: [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")])
    func python(newest: String, version: String) throws {
        try self.files.withAgent { agent in
            let outcome = try self.run("python3", ["-c", Self.script, "\(agent.port)", newest])
            #expect(outcome.status == .exited(0) && outcome.output == "\(version)\n", "\(outcome.error)")
        }
    }

    /// It has no certificate to show: so it asks for what is open to every client.
    @Test(arguments: [["--npn-list=h2", "-m", "32"], ["--h1"]])
    func h2load(protocolArguments: [String]) throws {
        try self.files.withAgent { agent in
            let outcome = try self.run(
                "h2load", protocolArguments + ["-n", "2000", "-c", "8", "\(agent.url)/v1/ready"])
            #expect(outcome.output.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(outcome.output)")
            #expect(outcome.output.contains("status codes: 2000 2xx"), "\(outcome.output)")
        }
    }

    @Test func nghttp() throws {
        try self.files.withAgent { agent in
            try self.files.folder.write("{}", to: "body")
            let outcome = try self.run(
                "nghttp",
                [
                    "--cert=client.crt", "--key=client.key", "--data=body", "--header=:method: POST", "--multiply=20",
                    "--no-content-length", "\(agent.url)/v1/key/generate/my-key",
                ])
            let answers = outcome.output.split(separator: "}\n")
            #expect(outcome.status == .exited(0) && answers.count == 20, "\(outcome)")
            #expect(answers.allSatisfy { $0.hasPrefix("{\"plaintext\":\"") }, "\(outcome.output)")
        }
    }
}
