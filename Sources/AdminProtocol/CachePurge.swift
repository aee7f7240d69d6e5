// SPDX-License-Identifier: Apache-2.0

package import ByteCoding

/// The answer of `DELETE /v1/keyside/cache`: `{"purged":…}`
package struct CachePurge: JSONWritable, Equatable, Sendable {
    /// Number of purged data keys.
    package var count = 0

    package init(count: Int) { self.count = count }

    package init(decoding text: Span<UInt8>) throws(JSONError) {
        var reader = JSONReader()
        try reader.readMembers(in: text) { reader, name throws(JSONError) in
            switch name {
            case "purged": try reader.read(&self.count, in: text)
            default: try reader.skipValue(in: text)
            }
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object { json in json.member("purged", self.count) }
    }
}
