// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService

/// A failure as KES sends it. Clients distinguish failures by status and text together; there is no code.
package struct KESFailure: Error, Hashable, Sendable {
    /// 400 or higher.
    package let status: Int
    /// KES's text; part of its contract.
    package let message: String

    package init(status: Int, message: String) {
        self.status = status
        self.message = message
    }
}

/// Requests that are refused before any key is used.
extension KESFailure {
    /// The body is too long, or not the operation's request.
    package static func invalidBody(for endpoint: Operation) -> Self {
        Self(
            status: 400,
            message: endpoint == .importKey ? "invalid import key request body" : "invalid request body"
        )
    }

    /// The method is not the endpoint's.
    package static func wrongMethod(_ method: Span<UInt8>, for endpoint: Operation) -> Self {
        Self(
            status: 405,
            message: "received method '\(String(repairing: method))' expected '\(endpoint.method.rawValue)'"
        )
    }
}

/// The encoded form of a failure.
extension KESFailure {
    /// `{"message":"…"}`, with KES's line feed before the closing brace.
    package var body: [UInt8] {
        var body = JSONWriter.object(escaping: .html) { json in json.member("message", self.message) }
        body.insert(UInt8(ascii: "\n"), at: body.count - 1)
        return body
    }

    /// Decodes a failure. A body that is not KES's JSON, such as a proxy's, becomes the message as a whole.
    package init(status: Int, body: Span<UInt8>) {
        self.status = status
        do throws(JSONError) {
            self.message = try Self.message(in: body)
        } catch {
            self.message = String(repairing: body)
        }
    }

    /// KES sends `message`. Some older versions send `error`, which KES's client prefers.
    private static func message(in body: Span<UInt8>) throws(JSONError) -> String {
        var message: String?
        var error: String?
        var reader = JSONReader()
        try reader.enterObject(in: body)
        while let name = try reader.nextMember(in: body) {
            switch name {
            case "message": try reader.readString(into: &message, in: body)
            case "error": try reader.readString(into: &error, in: body)
            default: try reader.skipValue(in: body)
            }
        }
        return error ?? message ?? ""
    }
}
