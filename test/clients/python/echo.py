"""The Python grpcio client and server of the interoperability tests.

PYTHONPATH has to hold the code generated from echo.proto.
"""

import argparse
import sys

import client
import load
import server


def main() -> int:
    parser = argparse.ArgumentParser(prog="echo")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve")
    serve.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 picks a free one")
    serve.add_argument("--name", default="python", help="name of this backend")
    call = commands.add_parser("call")
    call.add_argument("--target", required=True, help="host:port to dial")
    call.add_argument("--authority", required=True, help="value of :authority")
    call.add_argument("--only", default="", help="comma-separated names of checks, empty runs all")
    loader = commands.add_parser("load")
    loader.add_argument("--target", required=True, help="host:port to dial")
    loader.add_argument("--authority", required=True, help="value of :authority")
    loader.add_argument("--name", default="python", help="what the ids of its calls begin with")
    loader.add_argument("--wait-for-ready", default="no", help="yes: calls wait while there is no connection")
    loader.add_argument("--delay-ms", type=int, default=20, help="how long each unary call takes at its server")
    loader.add_argument("--bidi-ms", type=int, default=0, help="how long each bidirectional stream lasts, 0 makes none")
    options = parser.parse_args()
    if options.command == "serve":
        server.serve(options.port, options.name)
        return 0
    if options.command == "load":
        load.load(
            options.target,
            options.authority,
            options.name,
            options.wait_for_ready == "yes",
            options.delay_ms,
            options.bidi_ms,
        )
        return 0
    return 0 if client.call(options.target, options.authority, options.only) else 1


sys.exit(main())
