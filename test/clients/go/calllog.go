package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"isobar.test/clients/generated"
)

// callLog remembers how the calls that carry an id began and ended.
type callLog struct {
	mutex sync.Mutex
	calls map[string]*generated.StatsReply
	// Gets a line for each call, written as it begins; may be nil.
	journal *os.File
}

// begin notes a call; the function it returns is to be run when the handler ends.
func (l *callLog) begin(ctx context.Context, id string) func() {
	if id == "" {
		return func() {}
	}
	entry := &generated.StatsReply{Known: true, DeadlineMs: -1}
	if deadline, ok := ctx.Deadline(); ok {
		entry.DeadlineMs = time.Until(deadline).Milliseconds()
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.calls == nil {
		l.calls = map[string]*generated.StatsReply{}
	}
	l.calls[id] = entry
	if l.journal != nil {
		fmt.Fprintln(l.journal, id)
	}
	return func() {
		if ctx.Err() == nil {
			return
		}
		l.mutex.Lock()
		defer l.mutex.Unlock()
		entry.Cancelled = true
		entry.CancelledUnixMs = time.Now().UnixMilli()
	}
}

func (l *callLog) stats(id string) *generated.StatsReply {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	entry, found := l.calls[id]
	if !found {
		return &generated.StatsReply{}
	}
	return &generated.StatsReply{
		Known:           true,
		Cancelled:       entry.Cancelled,
		CancelledUnixMs: entry.CancelledUnixMs,
		DeadlineMs:      entry.DeadlineMs,
	}
}
