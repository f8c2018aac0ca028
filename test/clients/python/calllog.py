"""Remembers how the calls that carry an id began and ended."""

import threading
import time

import grpc

import echo_pb2


class CallLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, echo_pb2.StatsReply] = {}

    def begin(self, call_id: str, context: grpc.ServicerContext) -> "Call":
        """Notes a call; the handler calls done() on the result before it returns."""
        remaining = context.time_remaining()
        entry = echo_pb2.StatsReply(known=True, deadline_ms=-1 if remaining is None else int(remaining * 1000))
        if call_id:
            with self._lock:
                self._calls[call_id] = entry
        return Call(entry, context)

    def stats(self, call_id: str) -> echo_pb2.StatsReply:
        with self._lock:
            return self._calls.get(call_id, echo_pb2.StatsReply())


class Call:
    """One call in progress, and whether the client has given it up."""

    def __init__(self, entry: echo_pb2.StatsReply, context: grpc.ServicerContext) -> None:
        self._entry = entry
        self._finished = False
        self._ended = threading.Event()
        if not context.add_callback(self._on_end):
            self._on_end()

    def _on_end(self) -> None:
        if not self._finished:
            self._entry.cancelled_unix_ms = int(time.time() * 1000)
            self._entry.cancelled = True
        self._ended.set()

    def pause(self, milliseconds: int) -> bool:
        """Waits; True when the call was cancelled meanwhile."""
        return self._ended.wait(milliseconds / 1000)

    def done(self) -> None:
        self._finished = True
