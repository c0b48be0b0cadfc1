"""Why a token or a password was not accepted."""

from collections.abc import Mapping
from typing import Literal, get_args

__all__ = ["FAILED", "OK", "REASONS", "Reason", "reason_of"]

Reason = Literal[
    "expired",
    "not_yet_valid",
    "bad_signature",
    "bad_claims",
    "malformed",
    "missing",
    "revoked",
    "reused_refresh_token",
    "bad_credentials",
    "locked_out",
    "forbidden",
    "error",
]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""*error* is a check that could not be made: the key server or the session store did not answer."""

OK = "ok"
FAILED = "failed"

_PYJWT: Mapping[str, Reason] = {
    "ExpiredSignatureError": "expired",
    "ImmatureSignatureError": "not_yet_valid",
    "InvalidSignatureError": "bad_signature",
    "InvalidAlgorithmError": "bad_signature",
    "InvalidAudienceError": "bad_claims",
    "InvalidIssuerError": "bad_claims",
    "InvalidIssuedAtError": "bad_claims",
    "InvalidJTIError": "bad_claims",
    "InvalidSubjectError": "bad_claims",
    "MissingRequiredClaimError": "bad_claims",
    "DecodeError": "malformed",
    "InvalidTokenError": "malformed",
}


def reason_of(error: BaseException) -> Reason:
    """Return the reason that *error* stands for: PyJWT's errors by their class, any other is ``error``."""
    for base in type(error).__mro__:
        if base.__module__.partition(".")[0] == "jwt" and base.__name__ in _PYJWT:
            return _PYJWT[base.__name__]
    return "error"
