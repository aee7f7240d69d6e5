// SPDX-License-Identifier: Apache-2.0

import KESProtocol
package import KeyService
package import LockedMemory
import Primitives

/// An encrypted data key and its associated data.
package struct EncryptedDataKey: Sendable {
    package let ciphertext: Ciphertext
    package let associatedData: AssociatedData

    package init(_ ciphertext: Ciphertext, _ associatedData: AssociatedData) {
        self.ciphertext = ciphertext
        self.associatedData = associatedData
    }
}

/// The sequence of requests. Deterministic for the same data keys.
package struct Workload {
    /// The operations of a workload.
    package enum Mix: String, Sendable, CaseIterable {
        case decrypt
        case generate
        /// One generate to nine decrypts.
        case mixed
    }

    /// All requests, one after the other.
    private(set) var bytes: [UInt8] = []
    private var decrypts: [Range<Int>] = []
    private let generate: Range<Int>
    private let mix: Mix
    private let ranks: ZipfSampler
    private var numbers = SeededGenerator(seed: 0x6B65_7973_6964_6531)

    /// - Parameters:
    ///   - dataKeys: the data keys to decrypt, the most popular first; may be empty for `.generate`.
    ///   - exponent: how strongly the popular ones are preferred; see ``ZipfSampler``.
    package init(
        _ mix: Mix, _ key: KeyName, dataKeys: [EncryptedDataKey], exponent: Double, memory: SecretMemory
    ) {
        precondition(mix == .generate || !dataKeys.isEmpty, "nothing to decrypt")
        var body = TransitBuffer(in: memory)
        var bytes: [UInt8] = []
        func request(_ operation: Operation, _ message: some KESMessage) -> Range<Int> {
            let start = bytes.count
            bytes += "POST \(operation.path(naming: key.description)) HTTP/1.1\r\nHost: keyside\r\n".utf8
            bytes += "Content-Length: \(message.byteCount)\r\n\r\n".utf8
            body.withRoom(for: message.byteCount) { message.encode(into: &$0) }
            body.withBytes { for index in $0.indices { bytes.append($0[index]) } }
            body.removeAll(keeping: .max)
            return start..<bytes.count
        }
        self.generate = request(
            .generateKey, KESRequest.GenerateKey(associatedData: AssociatedData([UInt8]("bench".utf8))))
        self.decrypts = dataKeys.map {
            request(.decrypt, KESRequest.Decrypt(ciphertext: $0.ciphertext, associatedData: $0.associatedData))
        }
        self.bytes = bytes
        self.mix = mix
        self.ranks = ZipfSampler(count: max(1, dataKeys.count), exponent: exponent)
    }

    /// The range of the next request in ``bytes``.
    mutating func next() -> Range<Int> {
        let generates =
            switch self.mix {
            case .decrypt: false
            case .generate: true
            case .mixed: self.numbers.next() % 10 == 0
            }
        return generates ? self.generate : self.decrypts[self.ranks.draw(from: &self.numbers)]
    }
}
