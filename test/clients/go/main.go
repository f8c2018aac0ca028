// Command echo is the grpc-go client and server of the interoperability tests.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	// Targets of the form xds:///NAME: the channel asks the control plane of GRPC_XDS_BOOTSTRAP.
	_ "google.golang.org/grpc/xds"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	switch os.Args[1] {
	case "serve":
		host := flags.String("host", "127.0.0.1", "address to listen on")
		port := flags.Int("port", 0, "port, 0 picks a free one")
		id := flags.String("name", "go", "name of this backend")
		journal := flags.String("journal", "", "file that gets the id of each call as it begins")
		certificates := flags.String("tls", "", "CERT,KEY,CA: speak TLS, and want a client's certificate from CA")
		flags.Parse(os.Args[2:])
		if err := serve(*host, *port, *id, *journal, *certificates); err != nil {
			fmt.Fprintln(os.Stderr, "echo:", err)
			os.Exit(1)
		}
	case "call":
		target := flags.String("target", "", "host:port to dial")
		authority := flags.String("authority", "", "value of :authority")
		only := flags.String("only", "", "comma-separated names of checks, empty runs all")
		flags.Parse(os.Args[2:])
		if !call(*target, *authority, *only) {
			os.Exit(1)
		}
	case "load":
		target := flags.String("target", "", "host:port to dial")
		authority := flags.String("authority", "", "value of :authority")
		id := flags.String("name", "go", "what the ids of its calls begin with")
		wait := flags.String("wait-for-ready", "no", "yes: calls wait while there is no connection")
		delay := flags.Uint("delay-ms", 20, "how long each unary call takes at its server")
		bidi := flags.Uint("bidi-ms", 0, "how long each bidirectional stream lasts, 0 makes none")
		flags.Parse(os.Args[2:])
		if !load(*target, *authority, *id, *wait == "yes", uint32(*delay), uint32(*bidi)) {
			os.Exit(1)
		}
	case "hold":
		target := flags.String("target", "", "host:port to dial, several separated by commas")
		authority := flags.String("authority", "", "value of :authority, for each target")
		id := flags.String("name", "go", "what the ids of its calls begin with")
		channels := flags.Int("channels", 100, "how many, each with a connection of its own")
		period := flags.Duration("period", 2*time.Second, "how often each is called")
		flags.Parse(os.Args[2:])
		if !hold(*target, *authority, *id, *channels, *period) {
			os.Exit(1)
		}
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: echo serve [--host IP] --port N --name ID [--journal FILE] [--tls CERT,KEY,CA] | echo call --target ADDR --authority NAME [--only CHECKS] | echo load --target ADDR --authority NAME --name ID [--wait-for-ready yes] [--delay-ms N] [--bidi-ms N] | echo hold --target ADDR --authority NAME --name ID [--channels N] [--period 2s]")
	os.Exit(64)
}
