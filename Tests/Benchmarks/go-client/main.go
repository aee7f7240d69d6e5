// SPDX-License-Identifier: Apache-2.0

// A client of the TLS listener as an object store written in Go is one: net/http, one connection of HTTP/2 for all
// requests, bodies of a length that is not announced. For benchmarks; tls-listener.sh builds it.
//
// Prints the medians of latency: p50 and p99 in microseconds. With -describe, what was agreed on instead.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"sync"
	"time"
)

var (
	url      = flag.String("url", "", "what to ask")
	version  = flag.Int("http", 2, "1 or 2")
	count    = flag.Int("n", 1000, "how often")
	parallel = flag.Int("c", 1, "how many requests at a time")
	body     = flag.String("body", "", "the file of the request's body")
	ca       = flag.String("ca", "", "the file of the server's authority")
	cert     = flag.String("cert", "", "the file of the client's certificate")
	key      = flag.String("key", "", "the file of its key")
	describe = flag.Bool("describe", false, "ask once, and print protocol, cipher and length of the answer")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	client, request := makeClient(), read(*body)
	// The first opens the connection: a burst would open several.
	answer, byteCount := ask(client, request)
	if *describe {
		fmt.Printf("%s, %s, %d bytes\n", answer.Proto, tls.CipherSuiteName(answer.TLS.CipherSuite), byteCount)
		return
	}
	latencies := run(client, request)
	sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
	fmt.Println(percentile(latencies, 0.5), percentile(latencies, 0.99))
}

func makeClient() *http.Client {
	pair, err := tls.LoadX509KeyPair(*cert, *key)
	check(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(*ca)) {
		log.Fatalf("%s: no certificate", *ca)
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots},
		ForceAttemptHTTP2:   *version == 2,
		MaxIdleConnsPerHost: *parallel,
	}
	if *version == 1 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &http.Client{Transport: transport}
}

func run(client *http.Client, request []byte) []time.Duration {
	latencies := make([]time.Duration, *count)
	var group sync.WaitGroup
	for worker := 0; worker < *parallel; worker++ {
		group.Add(1)
		go func(first int) {
			defer group.Done()
			for i := first; i < *count; i += *parallel {
				began := time.Now()
				ask(client, request)
				latencies[i] = time.Since(began)
			}
		}(worker)
	}
	group.Wait()
	return latencies
}

// ask reads the whole answer, whose length it returns.
func ask(client *http.Client, request []byte) (*http.Response, int64) {
	// Wrapped, so that the length is not seen.
	answer, err := client.Post(*url, "application/json", struct{ io.Reader }{bytes.NewReader(request)})
	check(err)
	byteCount, err := io.Copy(io.Discard, answer.Body)
	check(err)
	check(answer.Body.Close())
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != *version {
		log.Fatalf("%s: %s over %s", *url, answer.Status, answer.Proto)
	}
	return answer, byteCount
}

func percentile(sorted []time.Duration, part float64) int64 {
	return sorted[int(part*float64(len(sorted)-1))].Microseconds()
}

func read(path string) []byte {
	text, err := os.ReadFile(path)
	check(err)
	return text
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
