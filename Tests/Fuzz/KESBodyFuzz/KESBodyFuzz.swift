// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KESProtocol
import KeyService
import LockedMemory

/// One body, taken for every message there is: nothing may trap, what was read must be written so that it reads the
/// same, and no secret may be left when all is over.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzKESBody(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let body = unsafe Span(_unsafeStart: start, count: count)
    checkJSON(body)
    checkRequests(body)
    checkAnswers(body)
    precondition(memory.slotsInUse == 0, "a secret was left behind")
    return 0
}

private let memory: SecretMemory = {
    guard let memory = try? SecretMemory(slotCount: 16, allowUnlocked: true) else { fatalError("no memory") }
    return memory
}()

/// A member's value, taken out, is a text of its own.
private func checkJSON(_ body: Span<UInt8>) {
    guard let values = try? fragments(of: body) else { return }
    for fragment in values {
        let object = JSONWriter.object(escaping: .plain) { json in json.member("x", fragment) }
        precondition((try? fragments(of: object.span)) == [fragment], "\(object)")
    }
}

private func fragments(of text: Span<UInt8>) throws(JSONError) -> [JSONFragment] {
    var fragments: [JSONFragment] = []
    var reader = JSONReader()
    try reader.enterObject(in: text)
    while try reader.nextMember(in: text) != nil {
        var fragment: JSONFragment?
        try reader.readFragment(into: &fragment, in: text)
        if let fragment { fragments.append(fragment) }
    }
    return fragments
}

private func checkRequests(_ body: Span<UInt8>) {
    if let request = try? KESRequest.GenerateKey(decoding: body, lengthWasAnnounced: false) {
        precondition(!body.isEmpty, "an empty body of unknown length was taken for a request")
        let again = try? KESRequest.GenerateKey(decoding: encoded(request).span, lengthWasAnnounced: false)
        precondition(again == request)
    }
    if let request = try? KESRequest.Decrypt(decoding: body) {
        precondition((try? KESRequest.Decrypt(decoding: encoded(request).span)) == request)
    }
    if let request = try? KESRequest.HMAC(decoding: body) {
        precondition((try? KESRequest.HMAC(decoding: encoded(request).span)) == request)
    }
    if let request = try? KESRequest.Encrypt(decoding: body, memory: memory) {
        guard let again = try? KESRequest.Encrypt(decoding: encoded(request).span, memory: memory) else {
            preconditionFailure("encrypt is not read back")
        }
        precondition(again.plaintext.isEqual(to: request.plaintext))
        precondition(again.associatedData == request.associatedData)
    }
    if let request = try? KESRequest.ImportKey(decoding: body, memory: memory) {
        guard let again = try? KESRequest.ImportKey(decoding: encoded(request).span, memory: memory) else {
            preconditionFailure("import is not read back")
        }
        precondition(again.key.isEqual(to: request.key) && again.algorithm == request.algorithm)
    }
}

private func checkAnswers(_ body: Span<UInt8>) {
    if let answer = try? KESAnswer.GenerateKey(decoding: body, memory: memory) {
        guard let again = try? KESAnswer.GenerateKey(decoding: encoded(answer).span, memory: memory) else {
            preconditionFailure("a data key is not read back")
        }
        precondition(again.dataKey.plaintext.isEqual(to: answer.dataKey.plaintext))
        precondition(again.dataKey.ciphertext == answer.dataKey.ciphertext)
    }
    if let answer = try? KESAnswer.DescribeKey(decoding: body) {
        precondition((try? KESAnswer.DescribeKey(decoding: answer.body.span)) == answer)
    }
    if let answer = try? KESAnswer.ListKeys(decoding: body) {
        precondition((try? KESAnswer.ListKeys(decoding: answer.body.span)) == answer)
    }
    if let answer = try? KESAnswer.API(decoding: body) {
        precondition((try? KESAnswer.API(decoding: answer.body.span)) == answer)
    }
    _ = try? KESAnswer.Status(decoding: body)
    _ = try? KESAnswer.Version(decoding: body)
    let failure = KESFailure(status: 400, body: body)
    precondition(KESFailure(status: 400, body: failure.body.span) == failure)
}

private func encoded(_ message: borrowing some KESMessage & ~Copyable) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: message.byteCount)
    let room = unsafe bytes.withUnsafeMutableBytes { buffer in
        var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
        message.encode(into: &output)
        return output.freeCapacity
    }
    precondition(room == 0, "a message is shorter than it says")
    return bytes
}
