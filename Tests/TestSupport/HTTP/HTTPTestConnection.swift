// SPDX-License-Identifier: Apache-2.0

/// A client's connection, whatever it is made of. Answers are taken in the order of their requests.
package protocol HTTPTestConnection: AnyObject {
    /// Sends requests, without waiting for answers in between.
    func send(_ requests: [HTTPRequest]) throws(TestFailure)

    /// - Parameter toHead: whether the request was a HEAD, whose answer has no body.
    func receiveAnswer(toHead: Bool) throws(TestFailure) -> HTTPAnswer

    /// Ends the connection, whoever still holds it.
    func close()
}

extension HTTPTestConnection {
    package func send(_ request: HTTPRequest) throws(TestFailure) { try self.send([request]) }

    package func receiveAnswer() throws(TestFailure) -> HTTPAnswer { try self.receiveAnswer(toHead: false) }

    package func receiveAnswers(_ count: Int) throws(TestFailure) -> [HTTPAnswer] {
        var answers: [HTTPAnswer] = []
        while answers.count < count { answers.append(try self.receiveAnswer()) }
        return answers
    }

    /// Sends a request and takes its answer.
    package func ask(_ request: HTTPRequest) throws(TestFailure) -> HTTPAnswer {
        try self.send(request)
        return try self.receiveAnswer(toHead: request.method == "HEAD")
    }
}
