// SPDX-License-Identifier: Apache-2.0

/// Why a request is rejected.
///
/// The parser no longer knows where the next request begins. So the connection is closed after the answer.
package enum RequestError: Error, Hashable, CaseIterable, Sendable {
    case blankLine
    case malformedMethod
    case malformedTarget
    case malformedPercentEncoding
    case malformedVersion
    case unsupportedVersion

    case bareLineFeed
    case bareCarriageReturn
    case foldedField
    case malformedFieldName
    case malformedFieldValue
    case headTooLarge

    case missingHost
    case repeatedHost
    case malformedHost
    case malformedContentLength
    case repeatedContentLength
    case contentLengthWithTransferEncoding
    case unsupportedTransferEncoding
    case transferEncodingInHTTP10

    case malformedChunkSize
    case chunkExtensionsTooLong
    case unterminatedChunk
    case trailersTooLarge

    /// The status of the answer: 400, 431, 501 or 505.
    package var status: ResponseStatus {
        switch self {
        case .blankLine, .malformedMethod, .malformedTarget, .malformedPercentEncoding, .malformedVersion,
            .bareLineFeed, .bareCarriageReturn, .foldedField, .malformedFieldName, .malformedFieldValue,
            .missingHost, .repeatedHost, .malformedHost,
            .malformedContentLength, .repeatedContentLength, .contentLengthWithTransferEncoding,
            .transferEncodingInHTTP10, .malformedChunkSize, .chunkExtensionsTooLong, .unterminatedChunk:
            .badRequest
        case .headTooLarge, .trailersTooLarge: .requestHeaderFieldsTooLarge
        case .unsupportedTransferEncoding: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        }
    }

    /// What is wrong, for the author of the client. Contains nothing of the request.
    package var message: String {
        switch self {
        case .blankLine: "blank line before the request line"
        case .malformedMethod: "malformed method in the request line"
        case .malformedTarget: "malformed target in the request line"
        case .malformedPercentEncoding: "malformed percent-encoding in the path"
        case .malformedVersion: "missing or malformed HTTP version in the request line"
        case .unsupportedVersion: "HTTP version is neither 1.0 nor 1.1"
        case .bareLineFeed: "LF without CR before it"
        case .bareCarriageReturn: "CR without LF after it"
        case .foldedField: "header line begins with white space"
        case .malformedFieldName: "malformed header name"
        case .malformedFieldValue: "control character in a header value"
        case .headTooLarge: "request line and headers are too large"
        case .missingHost: "missing Host header"
        case .repeatedHost: "more than one Host header"
        case .malformedHost: "malformed Host header"
        case .malformedContentLength: "malformed Content-Length header"
        case .repeatedContentLength: "more than one Content-Length header"
        case .contentLengthWithTransferEncoding: "both Content-Length and Transfer-Encoding headers"
        case .unsupportedTransferEncoding: "transfer encoding is not chunked"
        case .transferEncodingInHTTP10: "Transfer-Encoding header in HTTP/1.0"
        case .malformedChunkSize: "malformed chunk size"
        case .chunkExtensionsTooLong: "chunk extensions are too long"
        case .unterminatedChunk: "chunk data is not followed by CRLF"
        case .trailersTooLarge: "trailers are too large"
        }
    }
}
