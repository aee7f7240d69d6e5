// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport
import Testing

/// A TLS session that is kept between connections, by the `openssl` command: curl forgets its own.
struct TLSSession {
    private let folder: TemporaryDirectory
    private let options: [String]

    init(_ server: FakeKES) throws {
        self.folder = try TemporaryDirectory()
        try server.credentials.write(to: self.folder.path)
        self.options = [
            "s_client", "-connect", String(server.endpoint.dropFirst("https://".count)), "-ign_eof", "-CAfile",
            self.folder("ca.crt"), "-cert", self.folder("client.crt"), "-key", self.folder("client.key"), "-sess_out",
            self.folder("session"),
        ]
    }

    /// Asks one question on a new connection, and keeps the session.
    func connect(resuming: Bool, sourceLocation: SourceLocation = #_sourceLocation) throws {
        var launch = Launch("/usr/bin/openssl")
        launch.arguments = self.options + (resuming ? ["-sess_in", self.folder("session")] : [])
        let request = "GET /v1/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        let outcome = try launch.run(input: request)
        #expect(outcome.output.contains("HTTP/1.1 200 OK"), "\(outcome)", sourceLocation: sourceLocation)
    }
}
