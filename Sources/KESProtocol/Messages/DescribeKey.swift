// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService

extension KESAnswer {
    /// `{"name":"…","algorithm":"AES256","created_at":"…","created_by":"…"}`. Unknown values are omitted.
    package struct DescribeKey: Equatable, Sendable {
        package let key: KeyDescription

        package init(_ key: KeyDescription) { self.key = key }

        package init(decoding body: Span<UInt8>) throws(Unusable) {
            var name: String?
            var algorithm: String?
            var createdAt: String?
            var createdBy: String?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let member = try reader.nextMember(in: body) {
                    switch member {
                    case "name": try reader.readString(into: &name, in: body)
                    case "algorithm": try reader.readString(into: &algorithm, in: body)
                    case "created_at": try reader.readString(into: &createdAt, in: body)
                    case "created_by": try reader.readString(into: &createdBy, in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw .unreadable(error)
            }
            guard let name = KeyName(name ?? "") else { throw .incomplete(missing: "name") }
            guard let createdAt else { throw .incomplete(missing: "created_at") }
            self.key = KeyDescription(
                name: name,
                algorithm: algorithm.flatMap(KeyAlgorithm.init(kes:)),
                createdAt: createdAt,
                createdBy: createdBy
            )
        }

        /// Encoded, with a line feed.
        package var body: [UInt8] {
            JSONWriter.line { json in
                json.member("name", self.key.name.description)
                if let algorithm = self.key.algorithm { json.member("algorithm", algorithm.kes) }
                json.member("created_at", self.key.createdAt)
                if let createdBy = self.key.createdBy { json.member("created_by", createdBy) }
            }
        }
    }
}
