// Command identity reads the keys (JWK Set) from the file of the first argument and tokens from standard input, one a line, for the service
// of the second argument, and says of each who calls, or why it is refused.
package main

// docs: begin
import (
	"bufio"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Caller is what a token says of who calls.
type Caller struct {
	Issuer         string `json:"iss"`
	Audience       string `json:"aud"`
	IssuedAt       int64  `json:"iat"`
	Expires        int64  `json:"exp"`
	Subject        string `json:"sub"` // system:serviceaccount:NAMESPACE:NAME
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
	Pod            string `json:"pod"`
	UID            string `json:"uid"`
	Workload       string `json:"workload"`
	Node           string `json:"node"`
}

// Keys is a JWK Set.
type Keys struct {
	Keys []struct{ Kid, Kty, Crv, X string }
}

// callerOf verifies a token; service is the name that callers know this service by.
func callerOf(token string, keys Keys, service string, now time.Time) (*Caller, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("not a token")
	}
	var head struct{ Alg, Kid string }
	if err := decode(parts[0], &head); err != nil || head.Alg != "EdDSA" {
		return nil, errors.New("not signed with EdDSA")
	}
	for _, key := range keys.Keys {
		if key.Kid != head.Kid || key.Kty != "OKP" || key.Crv != "Ed25519" {
			continue
		}
		public, err := base64.RawURLEncoding.DecodeString(key.X)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, errors.New("not a key")
		}
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), signature) {
			return nil, errors.New("wrong signature")
		}
		var caller Caller
		if err := decode(parts[1], &caller); err != nil {
			return nil, err
		}
		if caller.Issuer != "isobar" || caller.Audience != service {
			return nil, errors.New("for somebody else")
		}
		// Clocks of nodes differ by a little.
		if now.Unix()-5 > caller.Expires || now.Unix()+5 < caller.IssuedAt {
			return nil, errors.New("expired")
		}
		return &caller, nil
	}
	return nil, errors.New("unknown key: fetch the keys again")
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// docs: end

func main() {
	text, err := os.ReadFile(os.Args[1])
	var keys Keys
	if err == nil {
		err = json.Unmarshal(text, &keys)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		caller, err := callerOf(lines.Text(), keys, os.Args[2], time.Now())
		if err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println(caller.Subject)
		}
	}
}
