"""The Echo service; see echo.proto for its contract."""

import concurrent.futures
import zlib
from collections.abc import Iterator

import grpc

import echo_pb2
import echo_pb2_grpc
from calllog import CallLog
from pattern import pattern

_CODES = {code.value[0]: code for code in grpc.StatusCode}


def serve(port: int, name: str) -> None:
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=32), options=[("grpc.so_reuseport", 0)])
    echo_pb2_grpc.add_EchoServicer_to_server(_Echo(name), server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print(f"ready 127.0.0.1:{bound}", flush=True)
    server.wait_for_termination()


class _Echo(echo_pb2_grpc.EchoServicer):
    def __init__(self, name: str) -> None:
        self._name = name
        self._calls = CallLog()

    def Unary(self, request: echo_pb2.EchoRequest, context: grpc.ServicerContext) -> echo_pb2.EchoReply:
        call = self._calls.begin(request.call_id, context)
        _echo_trailers(context)
        if request.delay_ms and call.pause(request.delay_ms):
            return echo_pb2.EchoReply()
        call.done()
        _fail_if_asked(request, context)
        _echo_headers(context)
        return self._reply(request, 0)

    def ServerStream(
        self, request: echo_pb2.EchoRequest, context: grpc.ServicerContext
    ) -> Iterator[echo_pb2.EchoReply]:
        call = self._calls.begin(request.call_id, context)
        _echo_trailers(context)
        _echo_headers(context)
        for index in range(request.replies):
            if request.delay_ms and call.pause(request.delay_ms):
                return
            yield self._reply(request, index)
        call.done()
        _fail_if_asked(request, context)

    def ClientStream(
        self, requests: Iterator[echo_pb2.EchoRequest], context: grpc.ServicerContext
    ) -> echo_pb2.EchoReply:
        reply = echo_pb2.EchoReply(backend=self._name)
        for request in requests:
            reply.received += len(request.payload)
            reply.crc32 = zlib.crc32(request.payload, reply.crc32)
            _fail_if_asked(request, context)
        return reply

    def Bidi(
        self, requests: Iterator[echo_pb2.EchoRequest], context: grpc.ServicerContext
    ) -> Iterator[echo_pb2.EchoReply]:
        last = echo_pb2.EchoReply(backend=self._name)
        for request in requests:
            last.received += len(request.payload)
            yield self._reply(request, last.index)
            last.index += 1
            _fail_if_asked(request, context)
        yield last

    def Stats(self, request: echo_pb2.StatsRequest, context: grpc.ServicerContext) -> echo_pb2.StatsReply:
        reply = echo_pb2.StatsReply()
        reply.CopyFrom(self._calls.stats(request.call_id))
        reply.backend = self._name
        return reply

    def _reply(self, request: echo_pb2.EchoRequest, index: int) -> echo_pb2.EchoReply:
        payload = pattern(request.reply_size, index) if request.reply_size else request.payload
        return echo_pb2.EchoReply(payload=payload, backend=self._name, index=index)


def _fail_if_asked(request: echo_pb2.EchoRequest, context: grpc.ServicerContext) -> None:
    if request.status:
        context.abort(_CODES[request.status], request.message)


def _echoed(context: grpc.ServicerContext, prefix: str) -> list[tuple[str, str | bytes]]:
    return [(prefix + key, value) for key, value in context.invocation_metadata() if key.startswith("x-")]


def _echo_headers(context: grpc.ServicerContext) -> None:
    if headers := _echoed(context, "h-"):
        context.send_initial_metadata(headers)


def _echo_trailers(context: grpc.ServicerContext) -> None:
    context.set_trailing_metadata(_echoed(context, "t-"))
