// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A ciphertext that was made elsewhere, and what must become of it.
struct Sample: Sendable, CustomTestStringConvertible {
    let source: String
    let key: [UInt8]
    let associatedData: [UInt8]
    let ciphertext: [UInt8]
    let plaintext: [UInt8]

    var testDescription: String { self.source }

    init(
        _ source: String,
        key: [UInt8],
        associatedData: String,
        ciphertext: [UInt8],
        plaintext: [UInt8] = Sample.dataKey
    ) {
        self.source = source
        self.key = key
        self.associatedData = Array(associatedData.utf8)
        self.ciphertext = ciphertext
        self.plaintext = plaintext
    }

    private static let dataKey = (0xc0...0xdf).map { UInt8($0) }
    private static let zeroes = [UInt8](repeating: 0, count: 16)
    static let bucketContext = #"{"bucket":"bucket/object"}"#

    /// MinIO's, as it once wrote it, with ChaCha20.
    static let minio = Sample(
        "S1: MinIO, JSON, ChaCha20",
        key: keys.k1,
        associatedData: "{}",
        ciphertext: Array(
            (#"{"aead":"ChaCha20Poly1305","iv":"JbI+vwvYww1lCb5VpkAFuQ==","nonce":"ARjIjJxBSD541Gz8","#
                + #""bytes":"KCbEc2sA0TLvA7aWTWa23AdccVfJMpOxwgG8hm+4PaNrxYfy1xFWZg2gEenVrOgv"}"#)
                .utf8
        ),
        plaintext: bytes(base64: "zmS7NrG765UZ0ZN85oPjybelxqVvpz01vxsSpOISy2M=")
    )

    /// The binary sample that the damaged ones are made of.
    static let binary = Sample(
        "S8: computed, binary",
        key: keys.k2,
        associatedData: Self.bucketContext,
        ciphertext: bytes(
            base64: "dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14Fwl8bYQueFxMtCueyPQ0s/oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3"
                + "uLm6uw=="
        )
    )

    /// The same as object stores once wrote it.
    static let json = Sample(
        "S10: S8 as JSON",
        key: keys.k2,
        associatedData: Self.bucketContext,
        ciphertext: Array(
            (#"{"aead":"AES-256-GCM-HMAC-SHA-256","iv":"oKGio6SlpqeoqaqrrK2urw==","nonce":"sLGys7S1tre4ubq7","#
                + #""bytes":"dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14Fwl8bYQueFxMtCueyPQ0s/"}"#)
                .utf8
        )
    )

    /// KES's, as KES once wrote it.
    static let messagePack = Sample(
        "KES C5: AES256 as MessagePack",
        key: keys.k2,
        associatedData: Self.bucketContext,
        ciphertext: [UInt8](
            hex: """
                95a6414553323536a0c410a0a1a2a3a4a5a6a7a8a9aaabacadaeafc40cc0c1c2c3c4c5c6c7c8c9cacbc4307b79667fbf93
                0142094c888d93ce3ccf1661c6844f78a76bc080fe565eb847d11f4335194869ee3e4a8090bcd99a6532
                """
        ),
        plaintext: (0x40...0x5f).map { UInt8($0) }
    )

    static let all = [
        Self.minio,
        Sample(
            "S2: MinIO, JSON, ChaCha20, with a context",
            key: keys.k1,
            associatedData: #"{"key":"value"}"#,
            ciphertext: Array(
                (#"{"aead":"ChaCha20Poly1305","iv":"r4+yfiVbVIYR0Z2I9Fq+6g==","nonce":"2YpwGwE59GcVraI3","#
                    + #""bytes":"k/svMglOU7/Kgwv73heG38NWW575XLcFp3SaxQHDMjJGYyRI3Fiygu2OeutGPXNL"}"#)
                    .utf8
            ),
            plaintext: bytes(base64: "UnPWsZgVI+T4L9WGNzFlP1PsP1Z6hn2Fx8ISeZfDGnA=")
        ),
        Sample(
            "S3: KES #0, JSON, AES",
            key: keys.k0,
            associatedData: "",
            ciphertext: Self.kesJSON(),
            plaintext: Self.zeroes
        ),
        Sample(
            "S4: KES #2, JSON, ChaCha20",
            key: keys.k0,
            associatedData: "",
            ciphertext: Self.kesChaCha20JSON(),
            plaintext: Self.zeroes
        ),
        Sample(
            "S5: KES #5, binary of 60 bytes",
            key: keys.k0,
            associatedData: "",
            ciphertext: bytes(
                base64: "zwdDgHeRlIFRnJ7+DIhs/ka7GFK2CFSfDELqg1VCyTQzZ58o7MAdupMLk3ZjlMo2ZUDwldL2o41nAWDc"
            ),
            plaintext: Self.zeroes
        ),
        Sample(
            "S6: KES #6, binary of 72 bytes",
            key: keys.k3,
            associatedData: String(repeating: "\0", count: 16),
            ciphertext: bytes(
                base64: "s2gmfQHeGdlyL8x1yEWSACUV3GrSoz3t160hugMgzKWgyqesXDVUJ5Dw5Mt076rR1PNiU9X4YjLH14D8a81t2r2xsz4g"
                    + "VZac"
            ),
            plaintext: bytes(base64: "CLcJoykFCWZDkEIiUq9bJRqwCwW9ZDvdgu8EMA==")
        ),
        Self.withoutContext,
        Self.binary,
        Sample(
            "S9: computed, with an escaped and a foreign context",
            key: keys.k2,
            associatedData: #"{"data":"data/a\u003cb\u003e\u0026c\"d\\e.txt","project":"ü\u2028"}"#,
            ciphertext: bytes(
                base64: "dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14EeEz9DnLGHPT9ef0br1PiKoKGio6SlpqeoqaqrrK2ur7CxsrO0"
                    + "tba3uLm6uw=="
            )
        ),
        Self.json,
        Sample(
            "S11: ChaCha20, other order, blanks, an unknown member",
            key: keys.k2,
            associatedData: Self.bucketContext,
            ciphertext: Array(
                (#"{ "bytes":"C6tWHK4eOUkOClH022qNBcSCRtAswDXuaSn++PvNPGQGgFN/W2jTkkVSPnTk5/hV", "x":[1,{}],"# + "\n"
                    + #" "nonce":"sLGys7S1tre4ubq7", "id":"ignored", "iv":"oKGio6SlpqeoqaqrrK2urw==", "#
                    + #""aead":"ChaCha20Poly1305" }"#)
                    .utf8
            )
        ),
        Sample(
            "S12: an empty plaintext",
            key: keys.k2,
            associatedData: "{}",
            ciphertext: bytes(base64: "r19Fb9guWtrgGPpOm9vhqKChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5urs="),
            plaintext: []
        ),
        Sample(
            "MessagePack, AES",
            key: keys.k0,
            associatedData: "",
            ciphertext: bytes(
                base64: "lbFBRVMyNTYtR0NNX1NIQTI1NtkgNjY2ODdhYWRmODYyYmQ3NzZjOGZjMThiOGU5ZjhlMjDEEExv7LAd4oz0SaHZrX5L"
                    + "BufEDEKME1ow1CDfUFrqv8QgJuy7Sw+jVqz99TK1HV851LT3K4mwwDv46TB2ngWkAJQ="
            ),
            plaintext: Self.zeroes
        ),
        Sample(
            "MessagePack, ChaCha20",
            key: keys.k0,
            associatedData: "",
            ciphertext: bytes(
                base64: "lbJYQ0hBQ0hBMjAtUE9MWTEzMDXZIDY2Njg3YWFkZjg2MmJkNzc2YzhmYzE4YjhlOWY4ZTIwxBBAr+aptD4x2+qfOhiE"
                    + "rbnkxAxYs8RmNC1JJXD1hiHEIJ2KqM0jjkME7ndx8nyVseesN83Np0rM5ejVUun+fNFu"
            ),
            plaintext: Self.zeroes
        ),
        Sample(
            "KES C2: AES256, binary",
            key: keys.k2,
            associatedData: Self.bucketContext,
            ciphertext: bytes(
                base64: "e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUyoKGio6SlpqeoqaqrrK2ur8DBwsPE"
                    + "xcbHyMnKyw=="
            ),
            plaintext: Self.messagePack.plaintext
        ),
        Self.messagePack,
        Sample(
            "KES C6: C2 as JSON",
            key: keys.k2,
            associatedData: Self.bucketContext,
            ciphertext: Self.kesC6(),
            plaintext: Self.messagePack.plaintext
        ),
        Sample(
            "KES C7: an empty plaintext and no context",
            key: keys.k2,
            associatedData: "",
            ciphertext: [UInt8](
                hex: "6b5d2b36967a3b376bdf42df30be2697a0a1a2a3a4a5a6a7a8a9aaabacadaeafc0c1c2c3c4c5c6c7c8c9cacb"
            ),
            plaintext: []
        ),
    ]

    /// Those that are JSON or MessagePack.
    static let forms = Self.all.filter { $0.ciphertext[0] == UInt8(ascii: "{") || $0.ciphertext[0] == 0x95 }

    static let withoutContext = Sample(
        "S7: computed, binary, no context",
        key: keys.k2,
        associatedData: "{}",
        ciphertext: bytes(
            base64: "dNn/xlJxx5dlElYtoK7QaHkLHqnIu9jKQEINKfIS14EAFg9bEHMk5dsKkkpQww0soKGio6SlpqeoqaqrrK2ur7CxsrO0tba3"
                + "uLm6uw=="
        )
    )

    /// S3, and what it becomes with another member in place of one of its own.
    static func kesJSON(
        aead: String = "AES-256-GCM-HMAC-SHA-256",
        iv: String = "xLxIN3tSCkg2xMafuvwUwg==",
        bytes: String = "WVgRjeIJm3w50C/l+y7y2i6mbNg5NCAqN1zvOYWZKmc="
    ) -> [UInt8] {
        Array(#"{"aead":"\#(aead)","iv":"\#(iv)","nonce":"gu0mGwUkwcvMEoi5","bytes":"\#(bytes)"}"#.utf8)
    }

    /// S4, also with another nonce.
    static func kesChaCha20JSON(nonce: String = "X1ejXKmH/ugFZPkk") -> [UInt8] {
        Array(
            (#"{"aead":"ChaCha20Poly1305","id":"66687aadf862bd776c8fc18b8e9f8e20","iv":"EC0eZp7Pqt+LnkOae5xaAg==","#
                + #""nonce":"\#(nonce)","bytes":"wIGBTDs6aOvsqJfekZ0PYRT/OHyFX2TXqeNwl1SLXOI="}"#)
                .utf8
        )
    }

    /// C6 of KES, also with another algorithm.
    static func kesC6(aead: String = "AES-256-GCM-HMAC-SHA-256") -> [UInt8] {
        Array(
            (#"{"aead":"\#(aead)","id":"","iv":"oKGio6SlpqeoqaqrrK2urw==","nonce":"wMHCw8TFxsfIycrL","#
                + #""bytes":"e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUy"}"#)
                .utf8
        )
    }
}
