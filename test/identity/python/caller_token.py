"""Reads the keys (JWK Set) from the file of the first argument and tokens from standard input, one a line, for the service of the second
argument, and says of each who calls, or why it is refused.
"""

import json
import sys

# docs: begin
import jwt  # PyJWT[crypto]


def caller_of(token: str, keys: dict, service: str) -> dict:
    """Verifies a token. keys is the JWK Set, service the name that callers know this service by.

    Raises jwt.InvalidTokenError; KeyError for a key that is not known: fetch the keys again.
    """
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(
        token,
        key,
        algorithms=["EdDSA"],
        audience=service,
        issuer="isobar",
        leeway=5,  # clocks of nodes differ by a little
        options={"require": ["exp", "iat", "aud", "iss", "sub"]},
    )


# docs: end

with open(sys.argv[1], encoding="utf-8") as file:
    KEYS = json.load(file)
for line in sys.stdin:
    try:
        print(caller_of(line.strip(), KEYS, sys.argv[2])["sub"])
    except (jwt.InvalidTokenError, KeyError) as error:
        print("refused:", error)
