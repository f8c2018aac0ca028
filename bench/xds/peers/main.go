// Command xds-peers is what stands around a control plane in its benchmarks:
//
//	xds-peers streams FILE    many delta streams, each on a connection of its own, that answer everything (streams.go)
//	xds-peers changes FILE    writes EndpointSlices at a rate, and calls what they bring (changes.go)
//	xds-peers backend         a server that says at which address it was called (backend.go)
//	xds-peers caller          a client that finds its servers by DNS (caller.go)
//
// Each reads lines such as {"ask": "state"} on standard input and answers with a line of JSON on standard output; it ends with its standard input.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime/debug"
)

// octets passes messages through as they are, without the cost of decoding them.
type octets struct{}

func (octets) Name() string                        { return "proto" }
func (octets) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (octets) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = data
	return nil
}

func main() {
	log.SetFlags(0)
	// What is measured is somebody else: memory is there, processor time is not.
	debug.SetGCPercent(400)
	if len(os.Args) < 2 {
		log.Fatal("usage: xds-peers streams|changes|backend|caller ...")
	}
	run, known := map[string]func([]string) func(string) any{
		"streams": streams, "changes": changes, "backend": backend, "caller": caller,
	}[os.Args[1]]
	if !known {
		log.Fatalf("xds-peers: %q is none of streams, changes, backend, caller", os.Args[1])
	}
	answer := run(os.Args[2:])
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		var command struct {
			Ask string `json:"ask"`
		}
		if err := json.Unmarshal(input.Bytes(), &command); err != nil {
			log.Fatalf("xds-peers: %q: %v", input.Text(), err)
		}
		say(answer(command.Ask))
	}
}

func say(value any) {
	line, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}
