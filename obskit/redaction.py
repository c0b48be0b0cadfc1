"""Finds secrets in keys and texts, and puts one constant marker in their place.

Whatever leaves the process (log lines, span events, pages) goes through here first:

1. keys: a name whose words say that its value is secret (``api_key``, ``dbPassword``,
   ``Set-Cookie``), but not ``author``, ``max_tokens`` or ``token_count``;
2. texts: private keys, passwords in addresses, JWTs, ``Bearer`` credentials,
   ``key=value`` and ``key: value`` with a secret key, card numbers.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from string import ascii_letters

__all__ = ["MARKER", "is_secret_key", "may_hold_secret", "redact_text"]

MARKER = "[redacted]"
"""What stands in the place of a secret; constant, for a hint about the secret is a leak."""

_PAIRS = frozenset(
    "access_key access_tokens account_key api_key api_keys api_tokens auth_header auth_tokens basic_auth bearer_tokens "  # noqa: SIM905 - word lists read better as words
    "card_no card_number card_numbers credit_card debit_card encryption_key private_key private_keys refresh_tokens "
    "secret_key session_id session_key session_tokens set_cookie shared_key signing_key social_security".split()
)
_WORDS = frozenset(
    "authorisation authorization cookies credential credentials cvc cvv jwt otp passcode passphrase pwd secrets ssn totp".split()  # noqa: SIM905 - as above
) | {pair.replace("_", "") for pair in _PAIRS}
# Names are often run together: PGPASSWORD, authtoken, clientsecret, passwordHash.
_ENDINGS = ("apikey", "cookie", "password", "passwd", "secret", "token")
_BEGINNINGS = ("password", "passwd")
# A last or first word that says the value is about a secret and is none: token_count, has_password.
_ABOUT = frozenset(
    "age algorithm at bucket budget changed count counts created dir enabled endpoint env error errors expired expires "  # noqa: SIM905 - as above
    "expiry file format in invalid issuer kind len length limit limits missing name names path policy present provider "
    "required rotated size state status ttl type types updated uri url usage used valid version".split()
)
_ABOUT_FIRST = frozenset({"allow", "count", "has", "is", "max", "min", "needs", "num", "requires", "total"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(maxsize=4096)
def is_secret_key(key: object) -> bool:
    """Tell by its words whether *key* names a secret: ``accessToken`` does, ``max_tokens`` does not."""
    name = key.decode("latin-1") if isinstance(key, bytes) else key
    if not isinstance(name, str):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    if len(words) > 1 and (words[-1] in _ABOUT or words[0] in _ABOUT_FIRST):
        return False
    pairs = (f"{first}_{second}" for first, second in pairwise(words))
    return any(map(_is_secret_word, words)) or not _PAIRS.isdisjoint(pairs)


def _is_secret_word(word: str) -> bool:
    return word in _WORDS or word.endswith(_ENDINGS) or word.startswith(_BEGINNINGS)


_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_USERINFO = re.compile(r"""(?<=://)[^\s/?#"'<>]+@""")
# Takes the whole run even when it is no JWT, so that a long text is read once only.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*")
_JWT_LEAST = 20
# An unquoted header goes to the end of its line: cookies are many pairs, Digest has blanks.
_HEADER = re.compile(
    r"""\b((?:proxy-)?authori[sz]ation|(?:set-)?cookies?)(\s*:\s*)(?![\s"'\[{(\\])[^\r\n]+""", re.IGNORECASE
)
_BEARER = re.compile(
    r"\b(bearer\s+)(?!(?:auth\w*|error|format|header|is|missing|or|realm|required|scheme|tokens?|was)\b)"
    r"""[^\s,;"']+""",
    re.IGNORECASE,
)
# One word may come before the key, for "API key: ..." and "card number=...".
_KEY = re.compile(r"""(?<![\w.-])((?:[A-Za-z]+[ ])?)([\w.-]++)(\\?["']?\s*[:=]\s*)""")
# Quotes end with their line: the next quote of a stack trace may be far away.
_QUOTED = r"""[bru]{0,2}(?:"(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?)"""
_VALUE = re.compile(
    # Quotes with a backslash: JSON inside a JSON string.
    rf"""\\["'](?:(?!\\["'])[^\r\n])*+(?:\\["'])?|{_QUOTED}|\[[^\]]*\]?|\{{[^}}]*\}}?|\([^)]*\)?"""
    # A call or an index: SecretStr('...'), environ["..."].
    rf"""|(?:(?:basic|bearer|digest|negotiate)\s+)?[^\s&"'<>]+(?:(?<=[(\[]){_QUOTED}[)\]]?)?""",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"(?:none|null|true|false|undefined)[,.;)\]}]*", re.IGNORECASE)
_PROSE = re.compile(r"[A-Za-z]?[a-z]{0,14}[,.;)]?")
_CARD = re.compile(
    r"(?<![0-9A-Za-z])(?<!\d\.)"
    r"(?:[2-6]\d{12,18}|[2-6]\d{3}([ .-])\d{4}\1\d{4}\1\d{4}(\1\d{3})?|3\d{3}([ .-])\d{6}\3\d{4,5})"
    r"(?![0-9A-Za-z])"
)
_CARD_LEAST = 13
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def redact_text(text: str) -> str:
    """Return *text* with every secret that it quotes replaced by ``[redacted]``."""
    # Each pattern is asked only where the text has what it cannot match without.
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(MARKER, text)
    if "://" in text and "@" in text:
        text = _USERINFO.sub(f"{MARKER}@", text)
    if "eyJ" in text:
        text = _JWT.sub(_without_jwt, text)
    if ":" in text or "=" in text:
        text = _without_values(_HEADER.sub(rf"\1\2{MARKER}", text))
    if "bearer" in text.lower():
        text = _BEARER.sub(rf"\1{MARKER}", text)
    return _CARD.sub(_without_card, text) if len(text) >= _CARD_LEAST else text


def _without_jwt(match: re.Match[str]) -> str:
    found = match[0]
    return MARKER if "." in found and len(found) >= _JWT_LEAST else found


def _without_values(text: str) -> str:
    """Replace what follows a secret key and ``=`` or ``:``; other values are read on, they may hold pairs."""
    parts, copied, key = [], 0, _KEY.search(text)
    while key:
        end = key.end()
        value = _VALUE.match(text, end) if _names_secret(key) else None
        if value and not _is_harmless(key, value[0]):
            parts += [text[copied:end], MARKER]
            copied = end = value.end()
        key = _KEY.search(text, end)
    return "".join([*parts, text[copied:]])


def _names_secret(key: re.Match[str]) -> bool:
    return is_secret_key(key[2]) or (key[1] != "" and is_secret_key(key[1] + key[2]))


def _is_harmless(key: re.Match[str], value: str) -> bool:
    """Tell "unexpected token: comma" from "token: 5f3a"; a password may be a plain word."""
    if _NOTHING.fullmatch(value):
        return True
    is_sentence = key[3].rstrip(" ") == ":" and key[3] != ":" and "pass" not in key[2].lower()
    return is_sentence and _PROSE.fullmatch(value) is not None


def _without_card(match: re.Match[str]) -> str:
    found = match[0]
    if _passes_luhn(found):
        return MARKER
    # Sixteen digits and three more are a long card number, or a card number and a check code.
    shorter = found.removesuffix(match[2] or "")
    return MARKER + found[len(shorter) :] if match[2] and _passes_luhn(shorter) else found


def _passes_luhn(number: str) -> bool:
    digits = [int(character) for character in number if character.isdigit()]
    return (sum(digits[-1::-2]) + sum(_DOUBLED[digit] for digit in digits[-2::-2])) % 10 == 0


def _least(words: Iterable[str]) -> tuple[str, ...]:
    """Return *words* without those that contain another one."""
    known = set(words)
    return tuple(sorted(word for word in known if not any(other in word for other in known - {word})))


# Everything but letters and quotes goes, so that api_key, api-key, api2key and "API key" look the same.
_REST = bytes(set(range(256)) - set(f'{ascii_letters}"'.encode()))
_LOWER = bytes(range(256)).lower()
_HINTS = _least([*_WORDS, *_ENDINGS, *_BEGINNINGS, "eyj", "bearer"])
_LONG_NUMBER = re.compile(rb"[0-9](?:[ .-]?[0-9]){12}")


def may_hold_secret(rendered: bytes) -> bool:
    """Tell cheaply whether the JSON text *rendered* may hold a secret; a wrong yes costs time, a no is sure."""
    if b"://" in rendered and b"@" in rendered:
        return True
    text = rendered.translate(_LOWER, _REST).decode("ascii")
    return any(map(text.__contains__, _HINTS)) or _LONG_NUMBER.search(rendered) is not None
