// SPDX-License-Identifier: Apache-2.0

import HTTPMessages

/// One connection's bytes: they must mean the same however they are cut, and nothing may trap.
///
/// The first byte only seeds the cuts, so that the fuzzer can look for those that matter.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTPRequest(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let seed = input.first else { return 0 }
    let bytes = [UInt8](input.dropFirst())

    let whole = Transcript(of: bytes)
    precondition(whole.violation == nil, whole.violation ?? "")
    let cuts: [Transcript.Segmentation] = [.pieces(1), .pieces(2 + Int(seed % 16)), .random(seed: UInt64(seed))]
    for cut in cuts {
        let transcript = Transcript(of: bytes, cut: cut)
        precondition(transcript == whole, "\(cut): \(transcript) in place of \(whole)")
    }
    for case .head(let head) in whole.events { check(targetOf: head) }
    return 0
}

/// A redirect leads to where no further redirect is, and can stand in a header.
private func check(targetOf head: RequestHead) {
    guard case .redirect(let place) = try? RequestTarget(head.target) else { return }
    precondition(place.allSatisfy { 0x21...0x7E ~= $0 }, "a redirect that needs escaping")
    guard case .path = try? RequestTarget(place) else { preconditionFailure("redirected to \(place)") }
}
