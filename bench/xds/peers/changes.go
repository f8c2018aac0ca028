package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// noStamp stands where the time of the write belongs.
var noStamp = []byte("stamp-0000000000000000")

// changesPlan is what the file says.
type changesPlan struct {
	Server  string            `json:"server"` // of the API, as a URL
	Ca      string            `json:"ca"`     // PEM
	Headers map[string]string `json:"headers"`
	Proxy   string            `json:"proxy"` // address
	Rate    float64           `json:"rate"`  // writes per second
	Changes []change          `json:"changes"`
}

// change is one EndpointSlice to be written.
type change struct {
	Path string `json:"path"`
	Name string `json:"name"` // of its service, over xDS
	Body string `json:"body"`
	// Hosts are the new endpoints, one of which has to be called through the proxy; empty where nobody calls.
	Hosts []string `json:"hosts"`
}

// probe is a write whose endpoints were called through the proxy.
type probe struct {
	Stamp   int64   `json:"stamp"` // when it began, in microseconds since 1970
	WriteMs float64 `json:"writeMs"`
	UsedMs  float64 `json:"usedMs"`
	Host    string  `json:"host"` // the endpoint that was reached
}

// writer writes the changes of a plan.
type writer struct {
	plan  changesPlan
	http  *http.Client
	proxy *grpc.ClientConn

	mutex sync.Mutex
	// busy has the services of which a write is under way: those of one service go one after the other, as a controller's do.
	busy    map[string]bool
	stamps  map[string]int64
	writeMs []float64
	usedMs  []float64
	probes  []probe
	fault   string
}

// changes prepares the writes of a plan, prints that it is ready, and at its first command writes them at their rate, calls through the proxy until one of the
// new endpoints has answered, and answers with how long all that took.
func changes(args []string) func(string) any {
	if len(args) != 1 {
		log.Fatal("usage: xds-peers changes FILE")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		log.Fatal(err)
	}
	w := &writer{busy: map[string]bool{}, stamps: map[string]int64{}}
	if err := json.Unmarshal(text, &w.plan); err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(w.plan.Ca)) {
		log.Fatal("the API server's authority is no certificate")
	}
	w.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	w.proxy, err = grpc.NewClient("passthrough:///"+w.plan.Proxy,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(octets{})))
	if err != nil {
		log.Fatal(err)
	}
	say(map[string]any{"changes": len(w.plan.Changes)})
	return func(string) any { return w.run() }
}

func (w *writer) run() any {
	var underWay sync.WaitGroup
	started := time.Now()
	for n := range w.plan.Changes {
		time.Sleep(time.Until(started.Add(time.Duration(float64(n) / w.plan.Rate * float64(time.Second)))))
		change := &w.plan.Changes[n]
		if !w.begin(change.Name) {
			continue
		}
		underWay.Add(1)
		go func() {
			defer underWay.Done()
			if err := w.write(change); err != nil {
				w.mutex.Lock()
				w.fault = fmt.Sprintf("%s: %v", change.Name, err)
				w.mutex.Unlock()
			}
		}()
	}
	underWay.Wait()
	return map[string]any{"stamps": w.stamps, "writeMs": w.writeMs, "usedMs": w.usedMs, "probes": w.probes, "fault": w.fault}
}

func (w *writer) begin(name string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.busy[name] || w.fault != "" {
		return false
	}
	w.busy[name] = true
	return true
}

func (w *writer) write(change *change) error {
	stamp := time.Now().UnixMicro()
	body := bytes.Replace([]byte(change.Body), noStamp, fmt.Appendf(nil, "stamp-%d", stamp), 1)
	used := make(chan error, 1)
	usedMs, reached := 0.0, ""
	if len(change.Hosts) > 0 {
		// Within the millisecond the first call may come before the write is done, and wait for what it brings.
		go func() {
			host, atMs, err := w.waitFor(change)
			usedMs, reached = atMs-float64(stamp)/1000, host
			used <- err
		}()
	}
	err := w.put(change.Path, body)
	writeMs := nowMs() - float64(stamp)/1000
	if err == nil && len(change.Hosts) > 0 {
		err = <-used
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.busy, change.Name)
	if err != nil {
		return err
	}
	w.stamps[change.Name] = stamp
	w.writeMs = append(w.writeMs, writeMs)
	if len(change.Hosts) > 0 {
		w.usedMs = append(w.usedMs, usedMs)
		w.probes = append(w.probes, probe{stamp, writeMs, usedMs, reached})
	}
	return nil
}

func (w *writer) put(path string, body []byte) error {
	request, err := http.NewRequest(http.MethodPut, w.plan.Server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range w.plan.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("content-type", "application/json")
	answer, err := w.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// waitFor calls until a new endpoint answers, and says which one, and when that call arrived there, in ms since 1970. Calls are a millisecond apart, or a fiftieth of what it has
// taken so far: a machine that is slow is not to become slower by being asked.
func (w *writer) waitFor(change *change) (string, float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	begun := time.Now()
	for {
		next := time.Now().Add(max(time.Millisecond, time.Since(begun)/50))
		request, answer := []byte{}, []byte{}
		if err := w.proxy.Invoke(ctx, "/bench.Name/Name", &request, &answer, grpc.CallAuthority(change.Name)); err != nil {
			return "", 0, err
		}
		host, at, _ := strings.Cut(string(answer), " ")
		for _, wanted := range change.Hosts {
			if host == wanted {
				var atMs float64
				_, err := fmt.Sscanf(at, "%f", &atMs)
				return host, atMs, err
			}
		}
		time.Sleep(time.Until(next))
	}
}
