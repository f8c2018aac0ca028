"""The half-duplex check of a bidirectional stream."""

import queue
from collections.abc import Iterator

import echo_pb2
import echo_pb2_grpc
from limits import LIMIT, want
from pattern import pattern


def ping_pong(stub: echo_pb2_grpc.EchoStub) -> str:
    """Sends a message only when the reply to the one before has come, so it
    hangs when anything on the way holds messages back."""
    sizes = [0, 100, 5_000, 71_680]
    outbox: queue.SimpleQueue[echo_pb2.EchoRequest | None] = queue.SimpleQueue()

    def requests() -> Iterator[echo_pb2.EchoRequest]:
        while (request := outbox.get()) is not None:
            yield request

    sent = 0
    replies = stub.Bidi(requests(), timeout=LIMIT)
    try:
        for index in range(100):
            payload = pattern(sizes[index % len(sizes)], index)
            sent += len(payload)
            outbox.put(echo_pb2.EchoRequest(payload=payload))
            reply = next(replies)
            same = reply.index == index and reply.payload == payload
            want(same, f"reply {index} came changed: index {reply.index}, {len(reply.payload)} octets")
    finally:
        outbox.put(None)
    last = next(replies)
    want(last.received == sent, f"server got {last.received} octets of {sent}")
    want(next(replies, None) is None, "a reply more than asked for")
    return f"100 messages, {sent} octets"
