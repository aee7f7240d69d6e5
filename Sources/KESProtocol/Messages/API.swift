// SPDX-License-Identifier: Apache-2.0

package import ByteCoding
import KeyService

extension KESAnswer {
    /// `[{"method":"…","path":"…","max_body":…,"timeout":…}]`: the API of a server.
    package struct API: Equatable, Sendable {
        /// One endpoint of the API.
        package struct Row: Equatable, Sendable {
            package var method: String
            package var path: String
            /// In bytes; 0: a body is ignored.
            package var bodyByteCountMax: Int
            /// Encoded in whole seconds.
            package var timeout: Duration
        }

        package let rows: [Row]

        /// The API of this version.
        package init() {
            self.rows = Operation.allCases.map { endpoint in
                Row(
                    method: endpoint.method.rawValue,
                    path: endpoint.path,
                    bodyByteCountMax: endpoint.bodyByteCountMax,
                    timeout: .seconds(endpoint.timeoutInSeconds)
                )
            }
        }

        /// - Throws: ``KESAnswer/Unusable`` if the body has another structure.
        package init(decoding body: Span<UInt8>) throws(Unusable) {
            var rows: [Row] = []
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterArray(in: body)
                while try reader.nextElement(in: body) { rows.append(try Row(from: &reader, in: body)) }
            } catch {
                throw .unreadable(error)
            }
            self.rows = rows
        }

        /// Encoded, with a line feed.
        package var body: [UInt8] { JSONWriter.text(self.rows, escaping: .html) + "\n".utf8 }
    }
}

extension KESAnswer.API.Row: JSONWritable {
    fileprivate init(from reader: inout JSONReader, in body: Span<UInt8>) throws(JSONError) {
        var method: String?
        var path: String?
        var bodyByteCountMax: Int?
        var timeout: Int?
        try reader.enterObject(in: body)
        while let member = try reader.nextMember(in: body) {
            switch member {
            case "method": try reader.readString(into: &method, in: body)
            case "path": try reader.readString(into: &path, in: body)
            case "max_body": try reader.readInteger(into: &bodyByteCountMax, in: body)
            case "timeout": try reader.readInteger(into: &timeout, in: body)
            default: try reader.skipValue(in: body)
            }
        }
        self.init(
            method: method ?? "",
            path: path ?? "",
            bodyByteCountMax: bodyByteCountMax ?? 0,
            timeout: .seconds(timeout ?? 0)
        )
    }

    package func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("method", self.method)
            json.member("path", self.path)
            json.member("max_body", self.bodyByteCountMax)
            json.member("timeout", Int(self.timeout.components.seconds))
        }
    }
}
