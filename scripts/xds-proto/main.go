// Command xds-proto writes src/xds/generated: the messages of xDS that Isobar speaks, as JavaScript with types.
//
// There is no .proto file and no protoc: the descriptors come out of go-control-plane, pinned in go.mod; they are cut down to what keep.go
// lists, and handed to protoc-gen-es as protoc would. Run it in this folder, after npm ci:
//
//	go run .
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	// These come with protobuf-es itself, or have no file of their own that is imported above.
	_ "google.golang.org/genproto/googleapis/rpc/status"
)

const (
	output    = "../../src/xds/generated"
	plugin    = "../../node_modules/.bin/protoc-gen-es"
	parameter = "target=js+dts,import_extension=js"
	ownPrefix = "google/protobuf/"
)

func main() {
	request, err := request()
	if err == nil {
		err = generate(request)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "xds-proto:", err)
		os.Exit(1)
	}
}

// request makes what protoc would hand to the plugin.
func request() (*pluginpb.CodeGeneratorRequest, error) {
	p, err := newPruner(keep)
	if err != nil {
		return nil, err
	}
	files := map[string]*descriptorpb.FileDescriptorProto{}
	for name := range p.messages {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.addFile(files, found.ParentFile())
	}
	// Enums of other files come along with the fields that use them.
	for grown := true; grown; {
		grown = false
		for name := range p.enumFiles {
			if _, ok := files[name]; !ok {
				found, err := protoregistry.GlobalFiles.FindFileByPath(name)
				if err != nil {
					return nil, err
				}
				p.addFile(files, found)
				grown = true
			}
		}
	}
	r := &pluginpb.CodeGeneratorRequest{Parameter: proto.String(parameter)}
	done := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		if done[name] {
			return nil
		}
		done[name] = true
		file, ok := files[name]
		if !ok {
			found, err := protoregistry.GlobalFiles.FindFileByPath(name)
			if err != nil {
				return err
			}
			file = protodesc.ToFileDescriptorProto(found)
		}
		// Dependencies first, as protoc orders them.
		for _, dependency := range file.Dependency {
			if err := add(dependency); err != nil {
				return err
			}
		}
		r.ProtoFile = append(r.ProtoFile, file)
		if !strings.HasPrefix(name, ownPrefix) {
			r.FileToGenerate = append(r.FileToGenerate, name)
		}
		return nil
	}
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// generate runs the plugin and writes what it answers in place of what was there.
func generate(request *pluginpb.CodeGeneratorRequest) error {
	input, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return err
	}
	command := exec.Command(plugin)
	command.Stdin = bytes.NewReader(input)
	command.Stderr = os.Stderr
	answer, err := command.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", plugin, err)
	}
	response := &pluginpb.CodeGeneratorResponse{}
	if err := proto.Unmarshal(answer, response); err != nil {
		return err
	}
	if response.Error != nil {
		return fmt.Errorf("%s: %s", plugin, *response.Error)
	}
	if err := os.RemoveAll(output); err != nil {
		return err
	}
	octets := 0
	for _, file := range response.File {
		path := filepath.Join(output, filepath.FromSlash(file.GetName()))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
		octets += len(file.GetContent())
	}
	fmt.Printf("xds-proto: %d files, %d octets\n", len(response.File), octets)
	return nil
}
