"""What mutants of all formats share: values that programs stumble over, and changes of bytes."""

import gzip
import math
from random import Random
from typing import Any

LEARN = ("--neurons", "3")
WHOLE = [0, 1, -1, 2, 3, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63 - 1,
         2**63, -(2**63), 2**64 - 1, 2**64, 10**9, 10**18, 10**40]  # fmt: skip
REAL = [0.5, -0.0, 1e-45, 1e-320, 3.5e38, 1e300, -1e300, math.inf, -math.inf, math.nan]
TEXTS = ["", " ", "0", "x", "nan", "1e400", "1_000", "\u0661", "\u00e9", "a" * 70_000, "../../x", "/dev/zero", "-",
         "\x00", "\ufeff", "\u2028", "[" * 3000, "%s%n", "label", "None", "${x}", "\U0001f600"]  # fmt: skip


def odd(rng: Random, depth: int = 0) -> Any:
    """Return a value of plain data that few expect."""
    choices = ["whole", "real", "text", "flag", "none"] + ["list", "dict", "deep"] * (depth < 2)
    match rng.choice(choices):
        case "whole":
            return rng.choice(WHOLE)
        case "real":
            return rng.choice(REAL)
        case "text":
            return rng.choice(TEXTS)
        case "flag":
            return rng.random() < 0.5
        case "none":
            return None
        case "list":
            return [odd(rng, depth + 1) for _ in range(rng.randrange(4))]
        case "dict":
            return {rng.choice(TEXTS): odd(rng, depth + 1) for _ in range(rng.randrange(3))}
    value: Any = 1
    for _ in range(rng.choice([10, 90, 400])):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value


def edited(rng: Random, value: Any) -> Any:
    """Return plain data with one value of it, anywhere within, changed, removed, added or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        copy = dict(value)
        match rng.randrange(16):
            case 0:
                del copy[key]
            case 1:
                copy[rng.choice(TEXTS)] = copy[key]
            case 2:
                copy[key] = odd(rng)
            case _:
                copy[key] = edited(rng, copy[key])
        return copy
    if isinstance(value, list) and value and rng.random() < 0.9:
        index, copy = rng.randrange(len(value)), list(value)
        match rng.randrange(6):
            case 0:
                del copy[index]
            case 1:
                copy.insert(index, copy[index])
            case _:
                copy[index] = edited(rng, copy[index])
        return copy
    return odd(rng)


def bent(rng: Random, content: bytes) -> bytes:
    """Return bytes with a few of them flipped, cut off, doubled, zeroed or inserted."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        if not data:
            break
        at, size = rng.randrange(len(data)), rng.choice([1, 1, 2, 4, 8, 64, 512])
        match rng.randrange(6):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at : at + size] = bytes(len(data[at : at + size]))
            case 4:
                data[at : at + size] = b"\xff" * len(data[at : at + size])
            case 5:
                data[at : at + size] = rng.randbytes(size)
    return bytes(data)


def perhaps_packed(rng: Random, content: bytes, name: str) -> tuple[str, bytes]:
    """Return a name and the bytes, gzipped in a third of all cases, and then some of them damaged once more."""
    if rng.random() < 0.67:
        return name, content
    packed = gzip.compress(content, 1)
    return f"{name}.gz", bent(rng, packed) if rng.random() < 0.3 else packed
