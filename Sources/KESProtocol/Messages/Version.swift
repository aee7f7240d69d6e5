// SPDX-License-Identifier: Apache-2.0

import ByteCoding

extension KESAnswer {
    /// `{"version":"…","commit":"…"}`
    package struct Version: Equatable, Sendable {
        package let version: String
        package let commit: String

        package init(version: String, commit: String) {
            self.version = version
            self.commit = commit
        }

        package init(decoding body: Span<UInt8>) throws(Unusable) {
            var version: String?
            var commit: String?
            do throws(JSONError) {
                var reader = JSONReader()
                try reader.enterObject(in: body)
                while let member = try reader.nextMember(in: body) {
                    switch member {
                    case .version: try reader.readString(into: &version, in: body)
                    case "commit": try reader.readString(into: &commit, in: body)
                    default: try reader.skipValue(in: body)
                    }
                }
            } catch {
                throw .unreadable(error)
            }
            guard let version else { throw .incomplete(missing: "version") }
            self.init(version: version, commit: commit ?? "")
        }

        /// Encoded, with a line feed.
        package var body: [UInt8] {
            JSONWriter.line { json in
                json.member("version", self.version)
                json.member("commit", self.commit)
            }
        }
    }
}
