// SPDX-License-Identifier: Apache-2.0

import LockedMemory

/// One connection of HTTP/2 whose client sends what the input says, several frames in each read: nothing may trap, and the
/// connection ends when the client has fallen silent.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP2(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let choices = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    var world = HTTP2World(choices: choices, memory: memory)
    while !world.isOver { world.step() }
    let duration = world.waitForEnd()
    precondition(duration != nil, "a connection that does not end")
    return 0
}

private let memory: SecretMemory = {
    guard let memory = try? SecretMemory(slotCount: 16, allowUnlocked: true) else { fatalError("no memory") }
    return memory
}()
