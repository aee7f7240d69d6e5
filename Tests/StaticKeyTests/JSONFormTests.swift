// SPDX-License-Identifier: Apache-2.0

import KeyService
import StaticKey
import Testing

/// What is read as JSON, and what is not although it looks like it. All of it is S10, spelt otherwise.
struct JSONFormTests {
    private static let aes = "AES-256-GCM-HMAC-SHA-256"
    private static let iv = "oKGio6SlpqeoqaqrrK2urw=="
    private static let nonce = "sLGys7S1tre4ubq7"
    private static let body = "dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14Fwl8bYQueFxMtCueyPQ0s/"

    static let accepted = [
        #"{"BYTES":"\#(body)","Iv":"\#(iv)","nONCE":"\#(nonce)","AEAD":"\#(aes)"}"#,
        "{\r\n\t" + #""aead" : "\#(aes)" , "iv":"\#(iv)" ,"nonce": "\#(nonce)","bytes":"\#(body)" }"#,
        #"{"id":null,"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)","x":{"a":[[{}],"}",1e9]}}"#,
        #"{"\u0061ead":"\#(aes)","iv":"\u006fKGio6SlpqeoqaqrrK2urw==","nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"sLGy\ns7S1\r\ntre4ubq7","bytes":"\#(body)"}"#,
    ]

    @Test("Order, case, blanks, escapes and unknown members do not matter", arguments: Self.accepted)
    func accepts(_ text: String) throws {
        let service = try StaticKeyService()
        let plaintext = try service.open(Array(text.utf8), associatedData: Sample.json.associatedData)
        #expect(plaintext == Sample.json.plaintext)
    }

    static let refused = [
        "{}",
        "{",
        "}",
        "{{}}",
        #"{"aead":"\#(aes)"}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)"}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":""}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":null}"#,
        #"{"id":1,"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #"{"aead":1,"iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #"{"aead":"\#(aes)","iv":[],"nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #"{"aead":"\#(aes)","iv":"oKGio6SlpqeoqaqrrK2urw","nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"sLGys7S1tre4ubq-","bytes":"\#(body)"}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)",}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}}"#,
        #"{"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}{}"#,
        #"{"aead":"aes-256-gcm-hmac-sha-256","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #"{"aead":"ChaCha20Poly1305","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #" {"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}"#,
        #"[{"aead":"\#(aes)","iv":"\#(iv)","nonce":"\#(nonce)","bytes":"\#(body)"}]"#,
    ]

    @Test("What is not quite the form does not open", arguments: Self.refused)
    func refuses(_ text: String) throws {
        let service = try StaticKeyService()
        #expect(throws: KeyServiceError.decryptionFailed) {
            try service.open(Array(text.utf8), associatedData: Sample.json.associatedData)
        }
    }

    @Test("However deep an unknown member is, it is refused or passed over", arguments: ["[", #"{"a":"#])
    func depth(_ bracket: String) throws {
        let service = try StaticKeyService()
        let text = #"{"x":"# + String(repeating: bracket, count: 200_000) + "}"
        #expect(throws: KeyServiceError.decryptionFailed) {
            try service.open(Array(text.utf8), associatedData: Sample.json.associatedData)
        }
    }
}
