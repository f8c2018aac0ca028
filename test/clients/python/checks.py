"""The checks of all four call kinds, metadata and errors."""

import zlib
from collections.abc import Callable, Iterator
from functools import partial

import grpc

import echo_pb2
import echo_pb2_grpc
from endings import cancel, deadline
from limits import LIMIT, CheckFailed, want
from pattern import pattern
from pingpong import ping_pong

Stub = echo_pb2_grpc.EchoStub

# Needs percent-encoding for most of its characters.
HARD_MESSAGE = 'fail: 100 % naïve "ünïcode" ✓ 🚀\nnext\tline'


def unary(size: int, stub: Stub) -> str:
    payload = pattern(size, size)
    reply = stub.Unary(echo_pb2.EchoRequest(payload=payload), timeout=LIMIT)
    want(reply.payload == payload, f"{size} octets came back changed ({len(reply.payload)})")
    return f"{size} octets by {reply.backend}"


def metadata(stub: Stub) -> str:
    sent = [
        ("x-text", "plain text, with = and ; and spaces"),
        ("x-many", "first"),
        ("x-many", "second"),
        ("x-long", "0123456789abcdef" * 192),
        ("x-octets-bin", bytes(range(256))),
        ("x-empty-bin", b""),
    ]
    _, call = stub.Unary.with_call(echo_pb2.EchoRequest(), metadata=sent, timeout=LIMIT)
    for prefix, received in (("h-", call.initial_metadata()), ("t-", call.trailing_metadata())):
        for key in {key for key, _ in sent}:
            got = [value for name, value in received if name == prefix + key]
            expected = [value for name, value in sent if name == key]
            want(got == expected, f"{prefix}{key}: got {got!r}, want {expected!r}")
    return "headers and trailers"


def error_trailers_only(stub: Stub) -> str:
    request = echo_pb2.EchoRequest(status=9, message=HARD_MESSAGE)
    error = _error_of(lambda: stub.Unary(request, metadata=[("x-why-bin", b"\x00\xff")], timeout=LIMIT))
    trailers = error.trailing_metadata()
    want(("t-x-why-bin", b"\x00\xff") in trailers, f"trailer t-x-why-bin is missing in {trailers!r}")
    return _want_status(error, 9, HARD_MESSAGE)


def error_after_messages(stub: Stub) -> str:
    request = echo_pb2.EchoRequest(replies=3, reply_size=10, status=8, message=HARD_MESSAGE)
    replies = stub.ServerStream(request, timeout=LIMIT)
    for _ in range(3):
        next(replies)
    return _want_status(_error_of(lambda: next(replies, None)), 8, HARD_MESSAGE)


def error_codes(stub: Stub) -> str:
    for code in range(1, 17):
        request = echo_pb2.EchoRequest(status=code, message=f"code {code}")
        _want_status(_error_of(lambda: stub.Unary(request, timeout=LIMIT)), code, f"code {code}")
    return "1 to 16"


def server_stream(replies: int, size: int, stub: Stub) -> str:
    count = 0
    for reply in stub.ServerStream(echo_pb2.EchoRequest(replies=replies, reply_size=size), timeout=LIMIT):
        same = reply.index == count and reply.payload == pattern(size, count)
        want(same, f"reply {count} came changed: index {reply.index}, {len(reply.payload)} octets")
        count += 1
    want(count == replies, f"{count} replies of {replies}")
    return f"{replies} x {size} octets"


def client_stream(stub: Stub) -> str:
    messages, size, checksum = 15, 1_000_000, 0

    def requests() -> Iterator[echo_pb2.EchoRequest]:
        nonlocal checksum
        for index in range(messages):
            payload = pattern(size, index)
            checksum = zlib.crc32(payload, checksum)
            yield echo_pb2.EchoRequest(payload=payload)

    reply = stub.ClientStream(requests(), timeout=LIMIT)
    same = reply.received == messages * size and reply.crc32 == checksum
    want(same, f"server got {reply.received} octets, CRC {reply.crc32:08x}, want CRC {checksum:08x}")
    return f"{reply.received} octets"


def spread(stub: Stub) -> dict[str, int]:
    """Counts which backends serve 300 calls made on the one channel."""
    counts: dict[str, int] = {}
    for _ in range(300):
        reply = stub.Unary(echo_pb2.EchoRequest(payload=pattern(100, 0)), timeout=LIMIT)
        counts[reply.backend] = counts.get(reply.backend, 0) + 1
    return counts


def _error_of(action: Callable[[], object]) -> grpc.Call:
    try:
        action()
    except grpc.RpcError as error:
        return error
    raise CheckFailed("got OK, want an error")


def _want_status(error: grpc.Call, code: int, message: str) -> str:
    got = error.code().value[0]
    want((got, error.details()) == (code, message), f"got {got} {error.details()!r}, want {code} {message!r}")
    return error.code().name


CHECKS: list[tuple[str, Callable[[Stub], object]]] = [
    ("unary-0", partial(unary, 0)),
    ("unary-100", partial(unary, 100)),
    ("unary-70k", partial(unary, 71_680)),
    ("unary-1m", partial(unary, 1_048_576)),
    ("metadata", metadata),
    ("error-trailers-only", error_trailers_only),
    ("error-after-messages", error_after_messages),
    ("error-codes", error_codes),
    ("server-stream-small", partial(server_stream, 500, 10)),
    ("server-stream-large", partial(server_stream, 20, 1_000_000)),
    ("client-stream-15mb", client_stream),
    ("bidi-ping-pong", ping_pong),
    ("deadline", deadline),
    ("cancel", cancel),
    ("spread", spread),
]
