"""The keys that access tokens are signed with: made here, rotated, and never the same file twice."""

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

import obskit
from sample_services.contracts import AUDIENCE, ISSUER

__all__ = ["ACCESS_S", "KeyRing"]

ACCESS_S = 15 * 60
"""Seconds that an access token is good for."""

_ROTATE_S = 30 * 24 * 3600.0
_LEEWAY_S = 60.0
_BITS = 2048


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    created_at: float
    path: Path
    private: rsa.RSAPrivateKey

    def public(self) -> dict[str, Any]:
        numbers = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**numbers, "kid": self.kid, "alg": "RS256", "use": "sig"}


class KeyRing:
    """Signs with the newest key, and publishes every key that a live token may be signed with.

    Each key is a file in *folder*, readable by its owner only, so that a restart signs nobody
    out. A key that was replaced is published for the life of its last token, then deleted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: list[_Key] = []  # oldest first
        self._log = obskit.get_logger()

    def open(self) -> None:
        """Read the keys that are there; make the first one where there is none."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keys = sorted(map(_read, self._folder.glob("*.pem")), key=lambda key: key.created_at)
        if not self._keys:
            self.rotate()

    def rotate(self) -> str:
        """Sign with a new key from now on and return its id; tokens of the one before stay good."""
        key = _make(self._folder)
        self._keys.append(key)
        self._log.info("signing_key.rotated", kid=key.kid, published=len(self._keys))
        return key.kid

    async def upkeep(self) -> None:
        """Rotate when the newest key is 30 days old, and delete the keys that no live token needs."""
        if time.time() - self._keys[-1].created_at > _ROTATE_S:
            self.rotate()
        # A key is out of use from the moment that the next one was made.
        until = time.time() - ACCESS_S - _LEEWAY_S
        while len(self._keys) > 1 and self._keys[1].created_at < until:
            self._keys.pop(0).path.unlink(missing_ok=True)

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK Set, the newest first."""
        return {"keys": [key.public() for key in reversed(self._keys)]}

    def sign(self, user_id: str, name: str) -> str:
        """Return an access token for a user, good for 15 minutes."""
        key, now = self._keys[-1], int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "name": name,
            "iat": now,
            "exp": now + ACCESS_S,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})


def _make(folder: Path) -> _Key:
    private = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    created_at, kid = time.time(), secrets.token_hex(8)
    path = folder / f"{created_at:.3f}-{kid}.pem"
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    part.replace(path)  # whole or not at all
    return _Key(kid, created_at, path, private)


def _read(path: Path) -> _Key:
    created_at, _, kid = path.stem.partition("-")
    private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        msg = f"{path} holds no RSA key; delete the file, and a new key is made."
        raise TypeError(msg)
    return _Key(kid, float(created_at), path, private)
