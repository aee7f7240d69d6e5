// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography

/// The instructions that `keyside tls init` prints. They hold no secret: the API key appears as a file name.
struct ListenerGuide {
    private let kit: ListenerCertificates
    private let clientIdentity: Identity

    private static let address = "127.0.0.1:7373"
    private static let endpoint = "https://\(Self.address)"
    /// A placeholder for the operator's own key server.
    private static let keyServer = "https://kes.example.net:7373"
    /// The paths that an object store requests.
    private static let paths = [
        "/v1/key/create/*", "/v1/key/generate/*", "/v1/key/decrypt/*", "/v1/key/describe/*", "/v1/key/list/*",
        "/v1/status", "/v1/api",
    ]

    init(_ kit: ListenerCertificates, clientIdentity: Identity) {
        self.kit = kit
        self.clientIdentity = clientIdentity
    }

    /// A fragment of `config.yaml`.
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

        In \(self.kit.directory):
          ca.crt         the CA certificate that MinIO must trust; its private key is not stored
          server.crt     the listener's certificate
          server.key     its private key; make it readable by the user that runs the agent
          client.apikey  MinIO's API key, with the identity above

        1. Add to /etc/keyside/config.yaml. To allow one key only, replace each '*' by the key's name:

        \(self.settings)
        2. Write the variables that connect the agent to KES to a file for 'keyside run --env-file'. They may be MinIO's
           former ones. Agent and MinIO use the same variable names, so keep their environments separate: an agent
           pointed at its own listener loops.

        MINIO_KMS_KES_ENDPOINT=\(Self.keyServer)
        MINIO_KMS_KES_KEY_NAME=my-key
        MINIO_KMS_KES_API_KEY=kes:v1:...
        MINIO_KMS_KES_CAPATH=/etc/keyside/kes-ca.crt

        3. Replace the MINIO_KMS_KES_* lines in MinIO's environment, and keep the key's name:

        cat >>/etc/default/minio <<EOF
        MINIO_KMS_KES_ENDPOINT=\(Self.endpoint)
        MINIO_KMS_KES_KEY_NAME=my-key
        MINIO_KMS_KES_API_KEY=$(cat \(self.kit.apiKey))
        MINIO_KMS_KES_CAPATH=\(self.kit.authority)
        EOF

        4. Optionally, let MinIO continue without the agent:

        MINIO_KMS_KES_ENDPOINT=\(Self.failOpenEndpoint)

           MinIO uses the agent first. While the agent's port refuses connections, MinIO uses KES directly, for 30
           seconds at a time. This needs a policy at KES for the identity above, and a directory as CAPATH with ca.crt
           and KES's CA certificate. It does not help if the agent answers 5xx because KES is down: MinIO's retry has
           no body, and the second server refuses it with 400. Requests directly to KES bypass the agent's policies
           and cache.

        Then run keyside check and keyside policy test --identity \(self.clientIdentity) --api /v1/key/generate/my-key

        """
    }

    private static let failOpenEndpoint = "\(Self.endpoint),\(Self.keyServer)"

    /// Writes the members of the JSON output.
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
