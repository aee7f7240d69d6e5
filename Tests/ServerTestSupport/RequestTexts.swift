// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages

// Requests as they stand on the wire.

package func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }

package func post(_ path: String, _ body: String) -> String {
    "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

package func chunked(_ path: String, _ chunks: [String]) -> String {
    "POST \(path) HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunks.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
}

package func put(_ path: String, _ body: String) -> String {
    "PUT \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

package func request(_ method: String, _ path: String) -> String { "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }

/// The head of a request.
package func head(_ request: String) throws -> RequestHead {
    var parser = RequestParser()
    var consumed = 0
    let bytes = Array(request.utf8)
    guard case .head(let head) = try parser.next(bytes.span, consumed: &consumed) else {
        throw RawClient.Failure.notAnAnswer(request)
    }
    return head
}
