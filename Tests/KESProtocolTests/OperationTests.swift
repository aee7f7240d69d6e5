// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import KeyService
import Testing

@Suite struct OperationTests {
    @Test(
        "the table of the API",
        arguments: [
            (.version, "GET", "/version", 0, 10, false),
            (.ready, "GET", "/v1/ready", 0, 15, true),
            (.status, "GET", "/v1/status", 0, 15, true),
            (.metrics, "GET", "/v1/metrics", 0, 15, true),
            (.api, "GET", "/v1/api", 0, 10, true),
            (.createKey, "PUT", "/v1/key/create/", 0, 15, true),
            (.importKey, "PUT", "/v1/key/import/", 1_000_000, 15, true),
            (.describeKey, "GET", "/v1/key/describe/", 0, 15, true),
            (.deleteKey, "DELETE", "/v1/key/delete/", 0, 15, true),
            (.listKeys, "GET", "/v1/key/list/", 0, 15, true),
            (.generateKey, "PUT", "/v1/key/generate/", 1_000_000, 15, true),
            (.encrypt, "PUT", "/v1/key/encrypt/", 1_000_000, 15, true),
            (.decrypt, "PUT", "/v1/key/decrypt/", 1_000_000, 15, true),
            (.hmac, "PUT", "/v1/key/hmac/", 1_000_000, 15, true),
        ] as [(Operation, String, String, Int, Int, Bool)]
    )
    func table(
        endpoint: Operation,
        method: String,
        path: String,
        bodyByteCountMax: Int,
        timeout: Int,
        isAuthenticated: Bool
    ) {
        #expect(endpoint.method.rawValue == method)
        #expect(endpoint.path == path)
        #expect(endpoint.bodyByteCountMax == bodyByteCountMax)
        #expect(endpoint.timeoutInSeconds == timeout)
        #expect(endpoint.isAuthenticated == isAuthenticated)
        #expect(endpoint.takesName == path.hasSuffix("/"))
    }

    @Test(
        "a path leads to an endpoint and a name",
        arguments: [
            ("/v1/key/decrypt/my-key", .decrypt, "my-key"),
            ("/v1/key/generate/my-key", .generateKey, "my-key"),
            ("/v1/key/encrypt/a", .encrypt, "a"),
            ("/v1/key/hmac/a", .hmac, "a"),
            ("/v1/key/describe/a", .describeKey, "a"),
            ("/v1/key/create/a", .createKey, "a"),
            ("/v1/key/import/a", .importKey, "a"),
            ("/v1/key/delete/a", .deleteKey, "a"),
            ("/v1/key/list/a*", .listKeys, "a*"),
            ("/v1/key/list/", .listKeys, ""),
            ("/v1/key/list", .listKeys, ""),
            ("/v1/key/decrypt", .decrypt, ""),
            ("/v1/key/decrypt/", .decrypt, ""),
            ("/v1/key/decrypt/my-key/", .decrypt, "my-key/"),
            ("/v1/key/decrypt//my-key", .decrypt, "/my-key"),
            ("/v1/key/decrypt/ä/b", .decrypt, "ä/b"),
            ("/version", .version, ""),
            ("/v1/ready", .ready, ""),
            ("/v1/status", .status, ""),
            ("/v1/metrics", .metrics, ""),
            ("/v1/api", .api, ""),
        ] as [(String, Operation, String)]
    )
    func route(path: String, endpoint: Operation, name: String) {
        let bytes = Array(path.utf8)
        let route = KESRoute(decodedPath: bytes.span)
        #expect(route?.endpoint == endpoint)
        #expect(route.map { text(Array(bytes[$0.name])) } == name)
    }

    @Test(
        "other paths lead nowhere",
        arguments: [
            "", "/", "/v1", "/v1/", "/version/", "/v1/status/", "/v1/ready/", "/v1/api/", "/v1/metrics/x", "/Version",
            "/v1/key", "/v1/key/", "/v1/key/decryp", "/v1/key/decrypts", "/v1/key/decryptx/my-key", "/v1/Key/decrypt/a",
            "v1/key/decrypt/a", "//v1/key/decrypt/a", "/v1/key/bulk/decrypt/a", "/v1/secret/create/a", "/v2/key/list/",
        ]
    )
    func noRoute(path: String) {
        let route = KESRoute(decodedPath: Array(path.utf8).span)
        #expect(route == nil)
    }

    @Test(
        "a client's path escapes what a name may not bring in",
        arguments: [
            ("my-key_1", "/v1/key/decrypt/my-key_1"), ("", "/v1/key/decrypt/"), ("app*", "/v1/key/decrypt/app*"),
            ("a/b", "/v1/key/decrypt/a%2Fb"), ("../x", "/v1/key/decrypt/%2E%2E%2Fx"),
            ("a b\n%?#", "/v1/key/decrypt/a%20b%0A%25%3F%23"), ("ä\0", "/v1/key/decrypt/%C3%A4%00"),
        ]
    )
    func path(name: String, path: String) {
        #expect(Operation.decrypt.path(naming: name) == path)
    }
}
