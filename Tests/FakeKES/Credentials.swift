// SPDX-License-Identifier: Apache-2.0

import Glibc
package import TestSupport

/// Who trusts whom: an authority, the server's certificate, and two clients.
package struct Credentials: Sendable {
    package let authority: TestAuthority
    package let server: TestKeyPair
    package let client: TestKeyPair
    package let apiKey: TestAPIKey

    private init(authority: TestAuthority, server: TestKeyPair, client: TestKeyPair, apiKey: TestAPIKey) {
        self.authority = authority
        self.server = server
        self.client = client
        self.apiKey = apiKey
    }

    /// - Parameter names: the server's, `DNS:…` and `IP:…`.
    package init(names: [String] = TestAuthority.localNames) throws(TestFailure) {
        let authority = try TestAuthority()
        self.init(
            authority: authority, server: try authority.issueServer(names: names), client: try authority.issueClient(),
            apiKey: try TestAPIKey())
    }

    /// Those in a folder. If one is missing, all are made and written there: `ca`, `server` and `client` as `.crt` and
    /// `.key`, and `client.apikey`.
    package init(in folder: String, names: [String]) throws(TestFailure) {
        if let found = try? Self.read(folder) {
            self = found
        } else {
            try self.init(names: names)
            try self.write(to: folder)
        }
    }

    private static func read(_ folder: String) throws(TestFailure) -> Credentials {
        Credentials(
            authority: TestAuthority(try Self.read(folder, "ca")), server: try Self.read(folder, "server"),
            client: try Self.read(folder, "client"),
            apiKey: try TestAPIKey(text: try text(of: "\(folder)/client.apikey").trimmedOfLineEnd))
    }

    private static func read(_ folder: String, _ name: String) throws(TestFailure) -> TestKeyPair {
        try TestKeyPair(certificate: try text(of: "\(folder)/\(name).crt"), key: try text(of: "\(folder)/\(name).key"))
    }

    /// Writes everything into a folder, which is made if there is none.
    package func write(to folder: String) throws(TestFailure) {
        guard unsafe mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw .unusable("cannot make the folder \(folder)")
        }
        try self.authority.pair.write(to: folder, as: "ca")
        try self.server.write(to: folder, as: "server")
        try self.client.write(to: folder, as: "client")
        try overwrite("\(folder)/client.apikey", with: self.apiKey.text + "\n", mode: 0o600)
    }

    /// How a client proves who it is.
    package enum Proof: Sendable, CaseIterable {
        case apiKey
        case certificate
    }

    /// The variables of an object store whose credentials were written to `folder`.
    package func environment(
        endpoints: String, keyName: String = FakeKES.knownKeyName, folder: String, proof: Proof = .apiKey
    ) -> [String: String] {
        var variables = [
            "MINIO_KMS_KES_ENDPOINT": endpoints,
            "MINIO_KMS_KES_KEY_NAME": keyName,
            "MINIO_KMS_KES_CAPATH": "\(folder)/ca.crt",
        ]
        switch proof {
        case .apiKey: variables["MINIO_KMS_KES_API_KEY"] = self.apiKey.text
        case .certificate:
            variables["MINIO_KMS_KES_CERT_FILE"] = "\(folder)/client.crt"
            variables["MINIO_KMS_KES_KEY_FILE"] = "\(folder)/client.key"
        }
        return variables
    }
}

extension String {
    fileprivate var trimmedOfLineEnd: String { self.last?.isNewline == true ? String(self.dropLast()) : self }
}
