"""The octets that the checks send."""

_PERIOD = bytes(range(251))


def pattern(size: int, seed: int) -> bytes:
    """Makes octets that show loss, repetition and misplacement: the period
    divides neither frame sizes nor buffer sizes."""
    start = seed % 251
    return (_PERIOD * ((size + start) // 251 + 1))[start : start + size]
