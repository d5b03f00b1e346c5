"""A second encoder, written from the msgpack specification alone, to check the first against."""

import struct


def pack(value):
    if value is None:
        return b"\xc0"
    if value is True:
        return b"\xc3"
    if value is False:
        return b"\xc2"
    if isinstance(value, int):
        return pack_int(value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode()
        return sized(len(raw), ((32, 0xA0),), (0xD9, 0xDA, 0xDB)) + raw
    if isinstance(value, bytes):
        return sized(len(value), (), (0xC4, 0xC5, 0xC6)) + value
    if isinstance(value, list):
        return sized(len(value), ((16, 0x90),), (None, 0xDC, 0xDD)) + b"".join(map(pack, value))
    pairs = sorted((key.encode(), item) for key, item in value.items())
    return sized(len(pairs), ((16, 0x80),), (None, 0xDE, 0xDF)) + b"".join(
        pack(key.decode()) + pack(item) for key, item in pairs
    )


def sized(length, fixed, codes):
    for limit, base in fixed:
        if length < limit:
            return bytes([base | length])
    for code, width, form in zip(codes, (8, 16, 32), (">BB", ">BH", ">BI"), strict=True):
        if code is not None and length < 2**width:
            return struct.pack(form, code, length)
    raise ValueError(length)


def pack_int(number):
    if 0 <= number < 128:
        return bytes([number])
    if -32 <= number < 0:
        return struct.pack(">b", number)
    forms = (
        ((">BB", 0xCC), (">BH", 0xCD), (">BI", 0xCE), (">BQ", 0xCF))
        if number >= 0
        else ((">Bb", 0xD0), (">Bh", 0xD1), (">Bi", 0xD2), (">Bq", 0xD3))
    )
    for form, code in forms:
        try:
            return struct.pack(form, code, number)
        except struct.error:
            continue
    raise ValueError(number)
