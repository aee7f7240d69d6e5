// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages

/// An answer that holds no secret.
package struct Response: Sendable {
    package var status: ResponseStatus
    package var contentType: String?
    package var body: [UInt8]
    /// Header fields beside those that every answer has.
    package var fields: [ResponseHead.Field]

    package init(
        _ status: ResponseStatus, contentType: String? = nil, body: [UInt8] = [], fields: [ResponseHead.Field] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.fields = fields
    }
}
