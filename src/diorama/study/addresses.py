"""Addresses and tokens: without the secret nobody learns anything from one, or can make one."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode

_BYTES = 18
_TOKEN = re.compile(r"[A-Za-z0-9_-]{24}")


def new_token() -> str:
    """A token that nobody can guess (144 random bits)."""
    return secrets.token_urlsafe(_BYTES)


def new_secret() -> str:
    """A secret that addresses are made with."""
    return secrets.token_hex(32)


def may_be_token(text: str) -> bool:
    """Whether a text has the form of a token or an address, so that a database may be asked about it."""
    return _TOKEN.fullmatch(text) is not None


def trial_address(secret: str, rater: int, position: int) -> str:
    """What one rater's browser calls a trial."""
    return _address(secret, f"trial {rater} {position}")


def media_address(secret: str, rater: int, position: int, side: str) -> str:
    """What one rater's browser calls the picture on one side of a trial; the same picture has another one elsewhere."""
    return _address(secret, f"media {rater} {position} {side}")


def bundled_name(secret: str, place: int) -> str:
    """What a bundle calls a medium."""
    return _address(secret, f"bundle {place}")


def _address(secret: str, what: str) -> str:
    digest = hmac.digest(secret.encode(), what.encode(), hashlib.sha256)
    return urlsafe_b64encode(digest[:_BYTES]).decode()
