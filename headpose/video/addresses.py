"""Addresses of streams and files, shown without their secrets."""

import functools
import re
from urllib.parse import quote, unquote, unquote_plus, urlsplit, urlunsplit

HIDDEN = "***"
# Names of parameters that are secrets, or words in longer names: `X-Amz-Signature`, `user_pw`.
SECRET_WORDS = {
    *("passphrase", "passcode", "pw", "authorization", "jwt", "sig", "sign", "hmac"),
    *("credential", "credentials", "loginpas"),
}
# As such words begin and end: `authbasic`, `accesstoken`. Cameras write them in one word.
_SECRET_BEGINS = ("password", "passwd", "pwd", "token", "secret", "auth")
_SECRET_ENDS = (
    *("token", "tokens", "secret", "password", "passwd", "pass", "pwd", "signature"),
    "auth",
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# A question mark is part of a value, unless a name and = follow.
_ASKED = r"\?(?=[^=&;?]*=)"
_PARAMETER = re.compile(rf"(^|[&;]|{_ASKED})([^=&;?]*)=((?:(?!{_ASKED})[^&;])*)")
# Not within the brackets of an IPv6 address, or a password.
_BETWEEN_LINKS = re.compile(r"::(?![0-9a-fA-F:.]*(?:%\w+)?\])(?![^/@:]*@)")
_IN_TEXT = re.compile(r"[a-zA-Z][\w+.-]*://[^\s'\"<>]+")


def links(name: str) -> list[str]:
    """Returns the addresses of a chain as fsspec has them, `zip://a.jpg::https://b.zip`."""
    return _BETWEEN_LINKS.split(name)


def is_address(name: str) -> bool:
    """Tells addresses from files."""
    return "://" in name


@functools.lru_cache(1024)
def is_secret(parameter: str) -> bool:
    """Tells by its name whether a parameter of an address is to be hidden.

    `key` is one at the end of a name, or before an `id`, as in `AWSAccessKeyId`; `keyword`,
    `author`, `passenger` and `design` are no secrets.
    """
    words = [word.lower() for word in _WORD.findall(unquote_plus(parameter))]
    if "".join(words[-1:]).endswith("key") or words[-3:] == ["access", "key", "id"]:
        return True
    return any(
        word in SECRET_WORDS
        or word.endswith(_SECRET_ENDS)
        or (word.startswith(_SECRET_BEGINS) and not word.startswith("author"))
        for word in words
    )


def without_secrets(name: str) -> str:
    """Returns a name as it may be shown: an address without password and keys.

    Args:
        name: Of any source, or a chain of them; what is no address is returned as it is.
    """
    if not is_address(name):
        return name
    return "::".join(map(_shown, links(name)))


def text_without_secrets(text: str) -> str:
    """Returns what somebody else's program says, with the addresses in it as they may be shown."""
    return _IN_TEXT.sub(lambda found: without_secrets(found[0]), text)


def _shown(name: str) -> str:
    try:
        parts = urlsplit(name) if is_address(name) else None
    except ValueError:  # a bracket that is not closed
        parts = None
    if parts is None:  # or what is behind such a one, or a file of a chain
        before, question, query = name.partition("?")
        scheme, between, rest = before.partition("://")
        before = f"{scheme}{between}{rest.rpartition('@')[2]}"
        return f"{before}{question}{_hidden_in(query)}"
    place = parts.netloc
    if "@" in place:
        user, _, host = place.rpartition("@")
        name_of_user, colon, _ = user.partition(":")
        place = f"{name_of_user}{colon and ':' + HIDDEN}@{host}"
    more = {"query": _hidden_in(parts.query), "fragment": _hidden_in(parts.fragment)}
    return urlunsplit(parts._replace(netloc=place, **more))


def _hidden_in(query: str) -> str:
    """Hides the values of parameters that are secrets."""

    def shown(found: re.Match) -> str:
        before, parameter, value = found.groups()
        return f"{before}{parameter}={HIDDEN if is_secret(parameter) else _shown_in(value)}"

    return _PARAMETER.sub(shown, query)


def _shown_in(value: str) -> str:
    """Returns the value of a parameter, which may be an address itself."""
    plain = unquote(value)
    if not is_address(plain) or (shown := without_secrets(plain)) == plain:
        return value
    return shown if is_address(value) else quote(shown, safe=HIDDEN)
