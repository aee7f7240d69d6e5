// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography

/// What to put where once a listener's files are made. No secret is in it: the API key is named by its file.
struct ListenerGuide {
    private let kit: ListenerCertificates
    private let clientIdentity: Identity

    private static let address = "127.0.0.1:7373"
    private static let endpoint = "https://\(Self.address)"
    /// A key server as it is called where the operator's own must be put in.
    private static let keyServer = "https://kes.example.net:7373"
    /// What an object store asks for.
    private static let paths = [
        "/v1/key/create/*", "/v1/key/generate/*", "/v1/key/decrypt/*", "/v1/key/describe/*", "/v1/key/list/*",
        "/v1/status", "/v1/api",
    ]

    init(_ kit: ListenerCertificates, clientIdentity: Identity) {
        self.kit = kit
        self.clientIdentity = clientIdentity
    }

    /// For `config.yaml`.
    private var settings: String {
        """
        tls:
          listen: \(Self.address)
          cert: \(self.kit.cert)
          key: \(self.kit.key)
        policy:
          minio:
            allow:
        \(Self.paths.map { "      - \($0)" }.joined(separator: "\n"))
            identities:
              - \(self.clientIdentity)

        """
    }

    var text: String {
        """
        identity: \(self.clientIdentity)

        In \(self.kit.folder):
          ca.crt         the authority that MinIO is to trust; its key is not kept
          server.crt     the listener's certificate
          server.key     its private key; give it to the user that runs the agent
          client.apikey  MinIO's API key; it belongs to the identity above

        1. Into /etc/keyside/config.yaml. To let MinIO use one key only, put the key's name before each '*':

        \(self.settings)
        2. Into a file of the agent's own, for 'keyside run --env-file': the variables by which it reaches KES, which may
           be those that MinIO has had. They must not be in MinIO's environment, nor MinIO's in the agent's: both have
           the same names, and an agent that is told of its own address asks itself.

        MINIO_KMS_KES_ENDPOINT=\(Self.keyServer)
        MINIO_KMS_KES_KEY_NAME=my-key
        MINIO_KMS_KES_API_KEY=kes:v1:...
        MINIO_KMS_KES_CAPATH=/etc/keyside/kes-ca.crt

        3. Into MinIO's environment, instead of the MINIO_KMS_KES_* lines that are there, with the key's name as it was:

        cat >>/etc/default/minio <<EOF
        MINIO_KMS_KES_ENDPOINT=\(Self.endpoint)
        MINIO_KMS_KES_KEY_NAME=my-key
        MINIO_KMS_KES_API_KEY=$(cat \(self.kit.apiKey))
        MINIO_KMS_KES_CAPATH=\(self.kit.authority)
        EOF

        4. Or, for a MinIO that is to go on without the agent:

        MINIO_KMS_KES_ENDPOINT=\(Self.failOpenEndpoint)

           MinIO asks the agent first, and KES itself for 30 seconds at a time while the agent's port refuses
           connections. KES has to know the identity above for that, in a policy of its own, and CAPATH has to be a
           folder with ca.crt and KES's authority. It helps where the agent is gone, not where the agent answers 5xx
           because KES is away: such a request has lost its body when it reaches the second server, which refuses it
           with 400. Data keys that MinIO gets from KES itself pass by the agent, its policies and its cache.

        Try it: keyside check, then keyside policy test --identity \(self.clientIdentity) --api /v1/key/generate/my-key

        """
    }

    private static let failOpenEndpoint = "\(Self.endpoint),\(Self.keyServer)"

    /// The members of the object that programs read.
    func writeMembers(to json: inout JSONWriter) {
        json.member("identity", "\(self.clientIdentity)")
        json.member("ca", self.kit.authority)
        json.member("cert", self.kit.cert)
        json.member("key", self.kit.key)
        json.member("api_key_file", self.kit.apiKey)
        json.member("settings", self.settings)
        json.member("environment") { json in
            json.object { json in
                json.member("MINIO_KMS_KES_ENDPOINT", Self.endpoint)
                json.member("MINIO_KMS_KES_CAPATH", self.kit.authority)
            }
        }
        json.member("fail_open_endpoint", Self.failOpenEndpoint)
    }
}
