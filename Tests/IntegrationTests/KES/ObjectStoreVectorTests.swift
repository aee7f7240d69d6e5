// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What an object store has written with its static key over the years, opened by an agent with the same key.
@Suite struct ObjectStoreVectorTests {
    /// A ciphertext and what is in it; nil if it is not authentic.
    struct Sealed: Sendable {
        let ciphertext: [UInt8]
        let context: String
        let plaintext: String?

        /// The older form, which begins with a brace, or base64 of the binary form.
        init(_ ciphertext: String, _ context: String, _ plaintext: String?) {
            self.ciphertext = ciphertext.hasPrefix("{") ? Array(ciphertext.utf8) : [UInt8](base64: ciphertext) ?? []
            self.context = context
            self.plaintext = plaintext
        }
    }

    private static let bucket = #"{"bucket":"bucket/object"}"#
    private static let plaintext = "wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t8="
    private static let zeroes = "AAAAAAAAAAAAAAAAAAAAAA=="
    private static let inBraces =
        "dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14EAFg9bEHMk5dsKkkpQww0soKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6uw=="
    private static let inBucket =
        "dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14Fwl8bYQueFxMtCueyPQ0s/oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6uw=="

    static let byKey: [(key: String, sealed: [Sealed])] = [
        (
            "eEm+JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8=",
            [
                Sealed(
                    #"{"aead":"ChaCha20Poly1305","iv":"JbI+vwvYww1lCb5VpkAFuQ==","nonce":"ARjIjJxBSD541Gz8","#
                        + #""bytes":"KCbEc2sA0TLvA7aWTWa23AdccVfJMpOxwgG8hm+4PaNrxYfy1xFWZg2gEenVrOgv"}"#,
                    "{}",
                    "zmS7NrG765UZ0ZN85oPjybelxqVvpz01vxsSpOISy2M="
                ),
                Sealed(
                    #"{"aead":"ChaCha20Poly1305","iv":"r4+yfiVbVIYR0Z2I9Fq+6g==","nonce":"2YpwGwE59GcVraI3","#
                        + #""bytes":"k/svMglOU7/Kgwv73heG38NWW575XLcFp3SaxQHDMjJGYyRI3Fiygu2OeutGPXNL"}"#,
                    #"{"key":"value"}"#,
                    "UnPWsZgVI+T4L9WGNzFlP1PsP1Z6hn2Fx8ISeZfDGnA="
                ),
                Sealed(inBucket, bucket, nil),
            ]
        ),
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            [
                Sealed(
                    #"{"aead":"AES-256-GCM-HMAC-SHA-256","iv":"xLxIN3tSCkg2xMafuvwUwg==","nonce":"gu0mGwUkwcvMEoi5","#
                        + #""bytes":"WVgRjeIJm3w50C/l+y7y2i6mbNg5NCAqN1zvOYWZKmc="}"#,
                    "",
                    zeroes
                ),
                Sealed(
                    #"{"aead":"ChaCha20Poly1305","id":"66687aadf862bd776c8fc18b8e9f8e20","iv":"EC0eZp7Pqt+LnkOae5xaAg==","#
                        + #""nonce":"X1ejXKmH/ugFZPkk","bytes":"wIGBTDs6aOvsqJfekZ0PYRT/OHyFX2TXqeNwl1SLXOI="}"#,
                    "",
                    zeroes
                ),
                Sealed("zwdDgHeRlIFRnJ7+DIhs/ka7GFK2CFSfDELqg1VCyTQzZ58o7MAdupMLk3ZjlMo2ZUDwldL2o41nAWDc", "", zeroes),
                Sealed(
                    #"{"aead":"AES-256-GCM","iv":"xLxIN3tSCkg2xMafuvwUwg==","nonce":"gu0mGwUkwcvMEoi5","#
                        + #""bytes":"WVgRjeIJm3w50C/l+y7y2i6mbNg5NCAqN1zvOYWZKmc="}"#,
                    "",
                    nil
                ),
            ]
        ),
        (
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            [
                Sealed(inBraces, "{}", plaintext),
                Sealed(inBraces, "", nil),
                Sealed(inBucket, bucket, plaintext),
                Sealed(inBucket, "{}", nil),
                Sealed(inBucket, #"{"bucket": "bucket/object"}"#, nil),
                Sealed(
                    "dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14EeEz9DnLGHPT9ef0br1PiKoKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6uw==",
                    #"{"data":"data/a\u003cb\u003e\u0026c\"d\\e.txt","project":"ü\u2028"}"#,
                    plaintext
                ),
                Sealed(
                    #"{"aead":"AES-256-GCM-HMAC-SHA-256","iv":"oKGio6SlpqeoqaqrrK2urw==","nonce":"sLGys7S1tre4ubq7","#
                        + #""bytes":"dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14Fwl8bYQueFxMtCueyPQ0s/"}"#,
                    bucket,
                    plaintext
                ),
                Sealed(
                    #"{ "bytes":"C6tWHK4eOUkOClH022qNBcSCRtAswDXuaSn++PvNPGQGgFN/W2jTkkVSPnTk5/hV", "x":[1,{}],"#
                        + "\n" + #" "nonce":"sLGys7S1tre4ubq7", "id":"ignored", "iv":"oKGio6SlpqeoqaqrrK2urw==","#
                        + #" "aead":"ChaCha20Poly1305" }"#,
                    bucket,
                    plaintext
                ),
                Sealed("r19Fb9guWtrgGPpOm9vhqKChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5urs=", "{}", ""),
                Sealed(
                    "C6tWHK4eOUkOClH022qNBcSCRtAswDXuaSn++PvNPGQGgFN/W2jTkkVSPnTk5/hVoKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6uw==",
                    bucket,
                    nil
                ),
                Sealed([UInt8](repeating: 0, count: 27).base64, "{}", nil),
            ]
        ),
    ]

    @Test(arguments: byKey)
    func whatTheKeyHasSealedOpensAndNothingElse(key: String, sealed: [Sealed]) throws {
        try withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = "k:\(key)"
        } body: { agent in
            let connection = try agent.connect()
            for sealed in sealed {
                let answer = try connection.ask(
                    .decrypt("k", ciphertext: sealed.ciphertext, context: Array(sealed.context.utf8))
                )
                guard let plaintext = sealed.plaintext else {
                    expect(answer, refuses: 400, "decryption failed: ciphertext is not authentic")
                    continue
                }
                #expect(answer.text == "{\"plaintext\":\"\(plaintext)\"}\n")
            }
        }
    }
}
