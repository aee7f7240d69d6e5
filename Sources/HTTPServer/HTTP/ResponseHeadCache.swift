// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KeyService

/// What the heads of answers begin with: all but ``ResponseHead/End``. The last one is kept, since most answers of a
/// second begin alike.
struct ResponseHeadCache: Sendable {
    /// What makes two openings the same, where there are no further fields.
    private struct Kind: Equatable, Sendable {
        let status: ResponseStatus
        let contentType: String?
        let contentLength: Int
        let origin: AnswerOrigin.Kind?
        let second: Int
    }

    private var date = HTTPDateCache()
    private var lastKind: Kind?
    private var last: [UInt8] = []

    /// - Parameter second: since 1970-01-01T00:00:00Z.
    mutating func opening(
        _ status: ResponseStatus, contentType: String?, contentLength: Int, fields: [ResponseHead.Field],
        from origin: AnswerOrigin?, at second: Int
    ) -> [UInt8] {
        let kind = Kind(
            status: status, contentType: contentType, contentLength: contentLength,
            origin: origin?.kind, second: second)
        if fields.isEmpty, kind == self.lastKind { return self.last }
        let head = ResponseHead(
            status, contentType: contentType, contentLength: contentLength, fields: fields,
            constantField: origin?.field)
        let opening = head.opening(date: self.date.date(of: second))
        if fields.isEmpty { (self.lastKind, self.last) = (kind, opening) }
        return opening
    }
}
