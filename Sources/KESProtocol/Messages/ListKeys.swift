// SPDX-License-Identifier: Apache-2.0

import ByteCoding
package import KeyService

extension KESAnswer {
    /// `{"names":["…"],"continue_at":"…"}`. `continue_at` is omitted on the last page.
    package struct ListKeys: Equatable, Sendable {
        package let listing: KeyListing

        package init(_ listing: KeyListing) { self.listing = listing }

        package init(decoding body: Span<UInt8>) throws(Unusable) {
            var names: [String]?
            var continueAt: String?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let member = try reader.nextMember(in: body) {
                    switch member {
                    case "names": try reader.readStrings(into: &names, in: body)
                    case "continue_at": try reader.readString(into: &continueAt, in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw .unreadable(error)
            }
            // KES's lists of policies have an empty `continue_at` on the last page.
            self.listing = KeyListing(
                names: (names ?? []).compactMap { KeyName($0) },
                continueAt: continueAt == "" ? nil : continueAt
            )
        }

        /// Encoded, with a line feed.
        package var body: [UInt8] {
            JSONWriter.line { json in
                json.member("names", self.listing.names.map(\.description))
                if let continueAt = self.listing.continueAt { json.member("continue_at", continueAt) }
            }
        }
    }
}
