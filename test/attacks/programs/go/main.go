// Command attacks has the parts of the suite that must be grpc-go's own:
//
//	attacks endpoint               a server that takes header lists of 8 KiB at most, and ends connections that send much more
//	attacks cancel ADDRESS NAME    a client that cancels 5,000 calls in bursts and goes on
//
// Both print lines of JSON. The endpoint ends when its standard input does.
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "endpoint":
		err = serve()
	case len(os.Args) == 4 && os.Args[1] == "cancel":
		err = cancelMany(os.Args[2], os.Args[3])
	default:
		err = fmt.Errorf("usage: attacks endpoint | cancel ADDRESS NAME")
	}
	if err != nil {
		log.Fatal(err)
	}
}
