// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import KeyService
import KeysideClient
import LockedMemory

/// `keyside key generate NAME`
struct GenerateKey: KeyOperation {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Generate a data key (plaintext and ciphertext).")

    @OptionGroup var key: KeyNameArgument
    @OptionGroup var context: ContextOption
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        let dataKey = try agent.client.generateKey(
            name, associatedData: try self.context.associatedData)
        let ciphertext = dataKey.ciphertext
        try KeyResult("plaintext", dataKey.takePlaintext(), ciphertext, as: self.options.output)
            .print(using: agent.memory)
    }
}

/// `keyside key encrypt NAME [VALUE]`
struct EncryptValue: KeyOperation {
    static let configuration = CommandConfiguration(commandName: "encrypt", abstract: "Encrypt a value.")

    @OptionGroup var key: KeyNameArgument
    @Argument(help: "The value in base64. Default: standard input, which other users cannot see.")
    var value: String?
    @OptionGroup var context: ContextOption
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        let ciphertext = try agent.client.encrypt(
            name, plaintext: try Input.secretValue(self.value, in: agent.memory),
            associatedData: try self.context.associatedData)
        try KeyResult(ciphertext, as: self.options.output).print(using: agent.memory)
    }
}

/// `keyside key decrypt NAME [CIPHERTEXT]`
struct DecryptValue: KeyOperation {
    static let configuration = CommandConfiguration(commandName: "decrypt", abstract: "Decrypt a ciphertext.")

    @OptionGroup var key: KeyNameArgument
    @Argument(help: "The ciphertext in base64. Default: standard input.")
    var ciphertext: String?
    @OptionGroup var context: ContextOption
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        let plaintext = try agent.client.decrypt(
            name,
            ciphertext: Ciphertext(try Input.value(self.ciphertext, in: agent.memory)),
            associatedData: try self.context.associatedData)
        try KeyResult("plaintext", plaintext, as: self.options.output).print(using: agent.memory)
    }
}

/// `keyside key hmac NAME`
struct ComputeHMAC: KeyOperation {
    static let configuration = CommandConfiguration(
        commandName: "hmac", abstract: "Print the HMAC-SHA-256 of standard input under the key.")

    @OptionGroup var key: KeyNameArgument
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        let code = try agent.client.hmac(
            name, message: try Input.message(in: agent.memory))
        try KeyResult("hmac", code, as: self.options.output).print(using: agent.memory)
    }
}
