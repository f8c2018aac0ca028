"""The checks of calls that end early."""

import time
import uuid

import grpc

import echo_pb2
import echo_pb2_grpc
from limits import LIMIT, NOTICE_LIMIT, CheckFailed, want


def deadline(stub: echo_pb2_grpc.EchoStub) -> str:
    seconds = 0.4
    request = echo_pb2.EchoRequest(delay_ms=8_000, call_id=str(uuid.uuid4()))
    begin = time.time()
    try:
        stub.Unary(request, timeout=seconds)
        raise CheckFailed("got OK, want DEADLINE_EXCEEDED")
    except grpc.RpcError as error:
        ended = time.time()
        want(error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, f"got {error.code()}, want DEADLINE_EXCEEDED")
    want(ended - begin < seconds + NOTICE_LIMIT, f"ended after {ended - begin:.3f} s, deadline was {seconds} s")
    seen = _cancel_seen(stub, request.call_id, ended)
    want(0 <= seen.deadline_ms <= seconds * 1000, f"server saw a deadline of {seen.deadline_ms} ms")
    return f"server saw {seen.deadline_ms} ms"


def cancel(stub: echo_pb2_grpc.EchoStub) -> str:
    """Cancels in the middle of a server stream."""
    request = echo_pb2.EchoRequest(replies=1_000_000, reply_size=10, delay_ms=10, call_id=str(uuid.uuid4()))
    replies = stub.ServerStream(request, timeout=LIMIT)
    for _ in range(3):
        next(replies)
    replies.cancel()
    ended = time.time()
    want(replies.code() == grpc.StatusCode.CANCELLED, f"got {replies.code()}, want CANCELLED")
    seen = _cancel_seen(stub, request.call_id, ended)
    return f"{seen.backend} saw it after {seen.cancelled_unix_ms - int(ended * 1000)} ms"


def _cancel_seen(stub: echo_pb2_grpc.EchoStub, call_id: str, since: float) -> echo_pb2.StatsReply:
    """Asks until the backend that served the call, whichever it is, answers
    that it saw the call cancelled."""
    while time.time() - since < 6 * NOTICE_LIMIT:
        reply = stub.Stats(echo_pb2.StatsRequest(call_id=call_id), timeout=LIMIT)
        if reply.cancelled:
            late = reply.cancelled_unix_ms - since * 1000
            want(late <= NOTICE_LIMIT * 1000, f"{reply.backend} noticed the cancel after {late:.0f} ms")
            return reply
        time.sleep(0.01)
    raise CheckFailed(f"no backend noticed the cancel within {6 * NOTICE_LIMIT} s")
