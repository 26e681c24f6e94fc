"""Addresses of streams, shown without their secrets."""

import re
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"
SECRETS = re.compile(
    r"((?:^|[&;])[^=&;]*(?:pass|pwd|token|secret|key|auth|sig)[^=&;]*=)[^&;]*", re.IGNORECASE
)


# Not within the brackets of an IPv6 address.
_BETWEEN_LINKS = re.compile(r"::(?![0-9a-fA-F:.]*(?:%\w+)?\])")


def links(name: str) -> list[str]:
    """Returns the addresses of a chain as fsspec has them, `zip://a.jpg::https://b.zip`."""
    return _BETWEEN_LINKS.split(name)


def is_address(name: str) -> bool:
    """Tells addresses from files."""
    return "://" in name


def without_secrets(name: str) -> str:
    """Returns a name as it may be shown: an address without password and keys.

    Args:
        name: Of any source; what is no address is returned as it is.
    """
    if not is_address(name):
        return name
    try:
        parts = urlsplit(name)
    except ValueError:  # a bracket that is not closed
        scheme, _, rest = name.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"
    place = parts.netloc
    if "@" in place:
        user, _, host = place.rpartition("@")
        name_of_user, colon, _ = user.partition(":")
        place = f"{name_of_user}{colon and ':' + HIDDEN}@{host}"
    query = SECRETS.sub(rf"\1{HIDDEN}", parts.query)
    return urlunsplit(parts._replace(netloc=place, query=query))
