package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// pruner cuts descriptors down to some messages.
type pruner struct {
	messages map[protoreflect.FullName]bool
	// enums that a kept field uses, and the files they are in.
	enums     map[protoreflect.FullName]bool
	enumFiles map[string]bool
}

// newPruner reads the list and finds every enum that the kept messages use.
func newPruner(names []string) (*pruner, error) {
	p := &pruner{map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}, map[string]bool{}}
	for _, name := range names {
		plain, nested := strings.CutSuffix(name, ".*")
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(plain))
		if err != nil {
			return nil, fmt.Errorf("keep.go: %s: %w", plain, err)
		}
		p.keepMessage(found.(protoreflect.MessageDescriptor), nested)
	}
	for name := range p.messages {
		found, _ := protoregistry.GlobalFiles.FindDescriptorByName(name)
		fields := found.(protoreflect.MessageDescriptor).Fields()
		for i := range fields.Len() {
			if enum := fields.Get(i).Enum(); enum != nil && p.keepsField(fields.Get(i)) {
				p.enums[enum.FullName()] = true
				p.enumFiles[enum.ParentFile().Path()] = true
			}
		}
	}
	return p, nil
}

func (p *pruner) keepMessage(message protoreflect.MessageDescriptor, nested bool) {
	p.messages[message.FullName()] = true
	for i := range message.Messages().Len() {
		// The entries of its maps are messages too.
		if child := message.Messages().Get(i); nested || child.IsMapEntry() {
			p.keepMessage(child, nested)
		}
	}
}

func (p *pruner) keepsField(field protoreflect.FieldDescriptor) bool {
	if field.IsMap() && field.MapValue().Message() != nil {
		return p.keepsType(field.MapValue().Message())
	}
	return field.Message() == nil || p.keepsType(field.Message())
}

func (p *pruner) keepsType(message protoreflect.MessageDescriptor) bool {
	return p.messages[message.FullName()] || message.ParentFile().Package() == "google.protobuf"
}

// addFile puts the kept part of a file into the set, once.
func (p *pruner) addFile(files map[string]*descriptorpb.FileDescriptorProto, file protoreflect.FileDescriptor) {
	if files[file.Path()] != nil {
		return
	}
	whole := protodesc.ToFileDescriptorProto(file)
	pruned := &descriptorpb.FileDescriptorProto{
		Name:    whole.Name,
		Package: whole.Package,
		Syntax:  whole.Syntax,
	}
	for i, message := range whole.MessageType {
		if kept := p.message(message, file.Messages().Get(i)); kept != nil {
			pruned.MessageType = append(pruned.MessageType, kept)
		}
	}
	for i, enum := range whole.EnumType {
		if p.enums[file.Enums().Get(i).FullName()] {
			pruned.EnumType = append(pruned.EnumType, plainEnum(enum))
		}
	}
	files[file.Path()] = pruned
	for _, path := range dependenciesOf(pruned) {
		if path != file.Path() {
			pruned.Dependency = append(pruned.Dependency, path)
		}
	}
}

// message is the kept part of a message; nil when nothing of it is kept.
func (p *pruner) message(whole *descriptorpb.DescriptorProto, descriptor protoreflect.MessageDescriptor) *descriptorpb.DescriptorProto {
	if !p.messages[descriptor.FullName()] {
		return nil
	}
	kept := &descriptorpb.DescriptorProto{Name: whole.Name}
	if whole.GetOptions().GetMapEntry() {
		kept.Options = &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)}
	}
	oneofs := map[int32]int32{}
	for i, field := range whole.Field {
		if !p.keepsField(descriptor.Fields().Get(i)) {
			continue
		}
		copied := proto.Clone(field).(*descriptorpb.FieldDescriptorProto)
		copied.Options = nil
		if field.OneofIndex != nil {
			index, ok := oneofs[*field.OneofIndex]
			if !ok {
				index = int32(len(kept.OneofDecl))
				oneofs[*field.OneofIndex] = index
				kept.OneofDecl = append(kept.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: whole.OneofDecl[*field.OneofIndex].Name})
			}
			copied.OneofIndex = &index
		}
		kept.Field = append(kept.Field, copied)
	}
	for i, child := range whole.NestedType {
		// A map whose values are not kept has no field any more that needs its entries.
		if nested := p.message(child, descriptor.Messages().Get(i)); nested != nil && p.needsEntry(descriptor.Messages().Get(i)) {
			kept.NestedType = append(kept.NestedType, nested)
		}
	}
	for i, enum := range whole.EnumType {
		if p.enums[descriptor.Enums().Get(i).FullName()] {
			kept.EnumType = append(kept.EnumType, plainEnum(enum))
		}
	}
	return kept
}

func (p *pruner) needsEntry(message protoreflect.MessageDescriptor) bool {
	if !message.IsMapEntry() {
		return true
	}
	value := message.Fields().ByNumber(2).Message()
	return value == nil || p.keepsType(value)
}

func plainEnum(whole *descriptorpb.EnumDescriptorProto) *descriptorpb.EnumDescriptorProto {
	kept := proto.Clone(whole).(*descriptorpb.EnumDescriptorProto)
	kept.Options = nil
	if whole.GetOptions().GetAllowAlias() {
		kept.Options = &descriptorpb.EnumOptions{AllowAlias: proto.Bool(true)}
	}
	for _, value := range kept.Value {
		value.Options = nil
	}
	kept.ReservedName, kept.ReservedRange = nil, nil
	return kept
}

// dependenciesOf finds the files whose types a pruned file uses, sorted.
func dependenciesOf(file *descriptorpb.FileDescriptorProto) []string {
	paths := map[string]bool{}
	var walk func(messages []*descriptorpb.DescriptorProto)
	walk = func(messages []*descriptorpb.DescriptorProto) {
		for _, message := range messages {
			for _, field := range message.Field {
				if field.TypeName == nil {
					continue
				}
				found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.TrimPrefix(*field.TypeName, ".")))
				if err == nil {
					paths[found.ParentFile().Path()] = true
				}
			}
			walk(message.NestedType)
		}
	}
	walk(file.MessageType)
	sorted := []string{}
	for path := range paths {
		sorted = append(sorted, path)
	}
	slices.Sort(sorted)
	return sorted
}
