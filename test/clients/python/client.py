"""Runs the checks on one channel and prints one JSON line for each."""

import json
import traceback

import grpc

import echo_pb2_grpc
from checks import CHECKS, CheckFailed, spread


def call(target: str, authority: str, only: str) -> bool:
    wanted = set(only.split(",")) if only else None
    all_ok = True
    with grpc.insecure_channel(target, options=[("grpc.default_authority", authority)]) as channel:
        stub = echo_pb2_grpc.EchoStub(channel)
        for name, check in CHECKS:
            if wanted is not None and name not in wanted:
                continue
            result: dict[str, object] = {"check": name, "ok": True, "detail": ""}
            try:
                if check is spread:
                    result["counts"] = spread(stub)
                else:
                    result["detail"] = check(stub)
            except (CheckFailed, grpc.RpcError) as error:
                result.update(ok=False, detail=_describe(error))
            except Exception:
                result.update(ok=False, detail=traceback.format_exc())
            all_ok = all_ok and result["ok"] is True
            print(json.dumps(result), flush=True)
    return all_ok


def _describe(error: Exception) -> str:
    if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call):
        return f"{error.code()}: {error.details()}"
    return str(error)
