// SPDX-License-Identifier: Apache-2.0

/// A well-formed request. What is to be malformed, tests write by hand.
package struct HTTPRequest: Sendable {
    package enum Body: Sendable {
        case none
        case fixed([UInt8])
        /// `Transfer-Encoding: chunked`, each element a chunk.
        case chunked([[UInt8]])

        package static func fixed(_ text: String) -> Body { .fixed([UInt8](text.utf8)) }

        /// Chunks of `byteCount` bytes; none for no bytes.
        package static func chunked(_ bytes: [UInt8], by byteCount: Int = .max) -> Body {
            .chunked(
                stride(from: 0, to: bytes.count, by: min(byteCount, max(bytes.count, 1)))
                    .map { start in
                        Array(bytes[start..<min(bytes.count, start + min(byteCount, bytes.count))])
                    })
        }

        package static func chunked(_ text: String, by byteCount: Int = .max) -> Body {
            .chunked([UInt8](text.utf8), by: byteCount)
        }
    }

    package var method: String
    package var target: String
    /// Whole lines without their ends, beside `Host` and what the body asks for.
    package var fields: [String]
    package var body: Body

    package init(_ method: String, _ target: String, fields: [String] = [], body: Body = .none) {
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
    }

    package static func get(_ target: String) -> HTTPRequest { HTTPRequest("GET", target) }

    package static func post(_ target: String, _ body: String) -> HTTPRequest {
        HTTPRequest("POST", target, body: .fixed(body))
    }

    package var head: String {
        let lines = ["\(self.method) \(self.target) HTTP/1.1", "Host: localhost"] + self.fields + self.framing
        return lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    private var framing: [String] {
        switch self.body {
        case .none: []
        case .fixed(let bytes): ["Content-Length: \(bytes.count)"]
        case .chunked: ["Transfer-Encoding: chunked"]
        }
    }

    package var bytes: [UInt8] {
        var bytes = [UInt8](self.head.utf8)
        switch self.body {
        case .none: break
        case .fixed(let body): bytes += body
        case .chunked(let chunks):
            for chunk in chunks {
                bytes += [UInt8](String(chunk.count, radix: 16).utf8) + [13, 10] + chunk + [13, 10]
            }
            bytes += [UInt8]("0\r\n\r\n".utf8)
        }
        return bytes
    }
}

/// What a KES client asks for.
extension HTTPRequest {
    package static func generate(_ key: String = "my-key", context: [UInt8]? = nil) -> HTTPRequest {
        .post("/v1/key/generate/\(key)", Self.object([("context", context)]))
    }

    package static func decrypt(
        _ key: String = "my-key", ciphertext: [UInt8], context: [UInt8]? = nil
    ) -> HTTPRequest {
        .post("/v1/key/decrypt/\(key)", Self.object([("ciphertext", ciphertext), ("context", context)]))
    }

    package static func encrypt(
        _ key: String = "my-key", plaintext: [UInt8], context: [UInt8]? = nil
    ) -> HTTPRequest {
        .post("/v1/key/encrypt/\(key)", Self.object([("plaintext", plaintext), ("context", context)]))
    }

    private static func object(_ members: [(name: String, value: [UInt8]?)]) -> String {
        let texts = members.compactMap { member in member.value.map { "\"\(member.name)\":\"\($0.base64)\"" } }
        return "{\(texts.joined(separator: ","))}"
    }

    /// The same request with its body in chunks of `byteCount` bytes.
    package func chunked(by byteCount: Int = .max) -> HTTPRequest {
        guard case .fixed(let bytes) = self.body else { return self }
        var request = self
        request.body = .chunked(bytes, by: byteCount)
        return request
    }
}
