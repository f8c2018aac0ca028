"""Calls without a pause on one channel until standard input ends, and then prints one JSON line."""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator

import grpc

import echo_pb2
import echo_pb2_grpc
from pattern import pattern

# The load of one client, the same in every language.
_UNARY_LOOPS = 4
_LONG_REPLIES = 150
_SHORT_REPLIES = 10
_REPLY_DELAY_MS = 20
# Seconds.
_BIDI_PAUSE = 0.1

# Seconds, so that what fails at once is not called without a pause.
_AFTER_FAILURE = 0.05


class _Load:
    def __init__(
        self, stub: echo_pb2_grpc.EchoStub, name: str, wait_for_ready: bool, delay_ms: int, bidi_ms: int
    ) -> None:
        self._delay_ms = delay_ms
        self._bidi_ms = bidi_ms
        self._wait_for_ready = wait_for_ready
        self._stub = stub
        self._name = name
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._counts = {"unary": 0, "streams": 0}
        self._failed: list[dict[str, object]] = []

    def run(self) -> None:
        threads = [
            threading.Thread(target=self._loop, args=(f"unary{each}", "unary", self._unary))
            for each in range(_UNARY_LOOPS)
        ]
        for kind, replies in (("long", _LONG_REPLIES), ("short", _SHORT_REPLIES)):
            call = lambda id, replies=replies: self._stream(id, replies)  # noqa: E731
            threads.append(threading.Thread(target=self._loop, args=(kind, "streams", call)))
        if self._bidi_ms > 0:
            threads.append(threading.Thread(target=self._loop, args=("bidi", "streams", self._ping_pong)))
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._stop.set()
        for thread in threads:
            thread.join()
        print(json.dumps({**self._counts, "failed": self._failed}), flush=True)

    def _loop(self, kind: str, count: str, call: Callable[[str], None]) -> None:
        number = 0
        while not self._stop.is_set():
            id = f"{self._name}-{kind}-{number}"
            number += 1
            failure: dict[str, object] | None = None
            try:
                call(id)
            except grpc.RpcError as error:
                failure = {"id": id, "status": error.code().value[0], "message": error.details()}
            except AssertionError as error:
                failure = {"id": id, "status": -1, "message": str(error)}
            with self._lock:
                self._counts[count] += 1
                if failure is not None:
                    self._failed.append({**failure, "at": int(time.time() * 1000)})
            if failure is not None:
                time.sleep(_AFTER_FAILURE)

    def _unary(self, id: str) -> None:
        request = echo_pb2.EchoRequest(payload=pattern(100, 0), call_id=id, delay_ms=self._delay_ms)
        self._stub.Unary(request, wait_for_ready=self._wait_for_ready)

    def _stream(self, id: str, replies: int) -> None:
        request = echo_pb2.EchoRequest(replies=replies, reply_size=100, delay_ms=_REPLY_DELAY_MS, call_id=id)
        answers = self._stub.ServerStream(request, wait_for_ready=self._wait_for_ready)
        indexes = [reply.index for reply in answers]
        assert indexes == list(range(replies)), f"{len(indexes)} replies of {replies}"

    def _ping_pong(self, id: str) -> None:
        """Sends a message only when the reply to the one before has come."""
        outbox: queue.SimpleQueue[echo_pb2.EchoRequest | None] = queue.SimpleQueue()

        def requests() -> Iterator[echo_pb2.EchoRequest]:
            while (request := outbox.get()) is not None:
                yield request

        end = time.monotonic() + self._bidi_ms / 1000
        replies = self._stub.Bidi(requests(), wait_for_ready=self._wait_for_ready)
        index = 0
        try:
            while time.monotonic() < end:
                outbox.put(echo_pb2.EchoRequest(payload=pattern(100, 0), call_id=id))
                reply = next(replies)
                assert reply.index == index, f"reply {reply.index} came as number {index}"
                index += 1
                time.sleep(_BIDI_PAUSE)
        finally:
            outbox.put(None)
        assert next(replies, None) is not None, "no reply after the half-close"
        assert next(replies, None) is None, "no end after the last reply"


def load(target: str, authority: str, name: str, wait_for_ready: bool, delay_ms: int, bidi_ms: int) -> None:
    """With wait_for_ready calls wait while the channel has no connection, instead of failing. Each unary call takes
    delay_ms at its server. Bidirectional streams are kept for bidi_ms each, one after the other; 0: none."""
    with grpc.insecure_channel(target, options=[("grpc.default_authority", authority)]) as channel:
        _Load(echo_pb2_grpc.EchoStub(channel), name, wait_for_ready, delay_ms, bidi_ms).run()
