"""Mutations of files, the same for the same seed: what damage and malice do to bytes."""

import random

# Numbers that parsers stumble over, and words that readers of numbers do.
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    *(b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"99999999999999999999", b"0x10"),
    *(b"", b'"', b"'", b",,,,", b"\n", b"\r", b"\0", b"\xff\xfe", b"{", b"]", b"<!--", b"../" * 8),
    *(b"null", b"true", b"[[[[[[[[", b"A" * 5000, "\u202e\U0001f600".encode()),
)


def mutate(data: bytes, seed: int) -> bytes:
    """Returns `data` after one to four mutations that follow from `seed`."""
    rng = random.Random(seed)
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(_KINDS)(result, rng)
    return bytes(result)


def _place(data: bytearray, rng: random.Random) -> int:
    """Headers are short and matter: half of the places are in the first 256 bytes."""
    end = min(len(data), 256) if rng.random() < 0.5 else len(data)
    return rng.randrange(max(1, end))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 8, 64))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _number(data: bytearray, rng: random.Random) -> None:
    place, size = _place(data, rng), rng.choice((1, 2, 4, 8))
    value = rng.choice(NUMBERS) & ((1 << 8 * size) - 1)
    data[place : place + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[_place(data, rng) :]


def _delete(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    del data[place : place + rng.choice((1, 4, 32, 1024))]


def _repeat(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = data[place : place + rng.choice((1, 16, 512))] * rng.choice((1, 4, 40))


def _erase(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    size = min(rng.choice((16, 256, 4096)), len(data) - place)
    data[place : place + size] = bytes([rng.choice((0, 255, 32))]) * size


def _word(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place : place + rng.choice((0, 1, 5))] = rng.choice(WORDS)


_KINDS = (_flip, _flip, _number, _number, _cut, _delete, _repeat, _erase, _word, _word)
