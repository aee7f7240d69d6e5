// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
import HTTPServer
import ServerTestSupport
import Testing

@testable import AdminAPI

/// The paths, methods and refusals of the agent's own API.
@Suite(.timeLimit(.minutes(5))) struct AdminFrontTests {
    @Test(
        "a wrong method, then a wrong name",
        arguments: [
            (
                "PUT", "/v1/keyside/cache", 405, "received method 'PUT' expected 'GET' or 'DELETE'",
                "GET, DELETE"
            ),
            ("GET", "/v1/keyside/cache/-", 405, "received method 'GET' expected 'DELETE'", "DELETE"),
            (
                "DELETE", "/v1/keyside/cache/-", 400,
                "key name '-' is empty, too long or contains invalid characters", nil
            ),
            (
                "DELETE", "/v1/keyside/cache/", 400,
                "key name '' is empty, too long or contains invalid characters", nil
            ),
            ("POST", "/metrics", 405, "received method 'POST' expected 'GET'", "GET"),
        ] as [(String, String, Int, String, String?)])
    func refusals(method: String, path: String, status: Int, message: String, allowed: String?)
        async throws
    {
        let answer = try await KESServiceFixture().ask(request(method, path))
        #expect(answer.status == status)
        #expect(answer.text == "{\"message\":\"\(message)\"\n}")
        #expect(answer["Allow"] == allowed)
        // KES names the method of its metrics so, and of nothing else here.
        #expect(answer["Accept"] == (path == "/metrics" ? allowed : nil))
    }

    @Test(
        "what leads nowhere is KES's to refuse",
        arguments: ["/metrics/", "/metricsx", "/v1/keyside/", "/v1/keyside/cachex"])
    func nowhere(path: String) async throws {
        let answer = try await KESServiceFixture().ask(request("GET", path))
        #expect(answer.status == 404)
        #expect(answer.text == "404 page not found\n")
    }

    @Test func withoutACacheThereIsNothingToReportOrPurge() async throws {
        let bench = try KESServiceFixture()
        let report = try await bench.ask(request("GET", "/v1/keyside/cache"))
        #expect(try CacheReport(decoding: report.body.span) == CacheReport())
        let purge = try await bench.ask(request("DELETE", "/v1/keyside/cache/my-key"))
        #expect(purge.text == "{\"purged\":0}\n")
        #expect(try CachePurge(decoding: purge.body.span).count == 0)
    }
}
