// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Expects a refusal in KES's form, byte for byte.
func expect(
    _ answer: HTTPAnswer, refuses status: Int, _ message: String, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(answer.status == status, comment, sourceLocation: sourceLocation)
    #expect(answer.message == message, "\(answer.text)", sourceLocation: sourceLocation)
}

/// Expects an answer that keeps the connection and its place in it.
func expectNextAnswer(on connection: any HTTPTestConnection, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let answer = try connection.ask(.get("/version"))
    #expect(answer.status == 200, sourceLocation: sourceLocation)
    #expect(answer.json["version"].string != nil, sourceLocation: sourceLocation)
}

extension HTTPAnswer {
    /// A 200 with `{"plaintext":…,"ciphertext":…}` of the right sizes and nothing else, in this form to the byte.
    var isDataKey: Bool {
        guard let plaintext = self.bytes("plaintext"), let ciphertext = self.bytes("ciphertext") else { return false }
        return self.status == 200 && plaintext.count == 32 && ciphertext.count == 76
            && self.text == "{\"plaintext\":\"\(plaintext.base64)\",\"ciphertext\":\"\(ciphertext.base64)\"}\n"
    }
}

/// Expects an agent to do its work for whoever comes.
func expectService(by agent: AgentProcess, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try agent.ask(.generate()).isDataKey, sourceLocation: sourceLocation)
}
