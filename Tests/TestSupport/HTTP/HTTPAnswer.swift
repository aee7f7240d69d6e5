// SPDX-License-Identifier: Apache-2.0

/// An answer as it came.
package struct HTTPAnswer: Sendable, Equatable {
    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package let status: Int
    package let reason: String
    package let fields: [Field]
    /// Without chunks.
    package let body: [UInt8]

    /// The value of a header that stands once; nil if there is none.
    ///
    /// A header that stands twice has no value either: nobody could say which counts.
    package subscript(name: String) -> String? {
        let values = self.fields.filter { $0.name.lowercased() == name.lowercased() }
        return values.count == 1 ? values[0].value : nil
    }

    package var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The body as JSON; `.missing` if it is none.
    package var json: JSONValue { (try? JSONValue(self.body)) ?? .missing }

    /// What a KES server says where it refuses: `{"message":"…"`, a line feed, `}`, byte for byte, as JSON. Nil if the
    /// answer is anything else.
    package var message: String? {
        guard self.status >= 400, self["Content-Type"] == "application/json",
            self.text.hasPrefix("{\"message\":\""), self.text.hasSuffix("\"\n}"),
            case .object(let members) = self.json, members.count == 1
        else { return nil }
        return self.json["message"].string
    }

    package var closes: Bool { self["Connection"]?.lowercased() == "close" }

    /// The bytes of a member that is base64.
    package func bytes(_ member: String) -> [UInt8]? { self.json[member].string.flatMap { [UInt8](base64: $0) } }
}
