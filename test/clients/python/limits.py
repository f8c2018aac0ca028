"""Time limits of the checks, and how a check fails."""

# Bounds each call in seconds; one that hangs fails with DEADLINE_EXCEEDED.
LIMIT = 30.0

# How long after the client gave up a server may still work on a call.
NOTICE_LIMIT = 1.0


class CheckFailed(Exception):
    pass


def want(condition: bool, otherwise: str) -> None:
    if not condition:
        raise CheckFailed(otherwise)
