// Command beside is both ends of the comparison of balancing: `beside backends` are grpc-go servers that fall sick on
// demand, `beside load` is an open-loop client that plays the same requests to every contender at the same time.
//
// Both speak JSON lines on standard input and output and end when their input does; bench/beside starts them.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

func main() {
	// A thousand requests a second need no second core; looking for work on it would cost the proxies theirs.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "backends":
		err = serveBackends(os.Args[2], os.Args[3])
	case len(os.Args) == 2 && os.Args[1] == "load":
		err = load()
	default:
		err = fmt.Errorf("usage: beside backends HOST COUNT | beside load")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
}
