# SPDX-License-Identifier: Apache-2.0
"""
Protocol buffers as far as the CRI takes them: messages are dicts, described by tables of field numbers.
A kind is "int", "bool", "str", "bytes", "map" (of strings), the name of a message, or a list of one kind.
"""


def _varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _read_varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return n, at


def _field(number, data):
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def encode(tables, name, message):
    out = b""
    for key, value in message.items():
        number, kind = tables[name][key]
        for v in value if isinstance(kind, list) else [value]:
            k = kind[0] if isinstance(kind, list) else kind
            if k in ("int", "bool"):
                out += _varint(number << 3) + _varint(int(v))
            elif k == "str":
                out += _field(number, v.encode())
            elif k == "bytes":
                out += _field(number, v)
            elif k == "map":
                for a, b in v.items():
                    out += _field(number, _field(1, a.encode()) + _field(2, b.encode()))
            else:
                out += _field(number, encode(tables, k, v))
    return out


def _default(kind):
    return [] if isinstance(kind, list) else {"int": 0, "bool": False, "str": "", "bytes": b"", "map": {}}.get(kind)


def decode(tables, name, data):
    """A dict with all fields of the table; a message that did not come is None. Other fields are skipped."""
    table = tables[name]
    fields = {number: (key, kind) for key, (number, kind) in table.items()}
    message = {key: _default(kind) for key, (_, kind) in table.items()}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        if tag & 7 == 0:
            value, at = _read_varint(data, at)
        elif tag & 7 == 2:
            size, at = _read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            at += {1: 8, 5: 4}[tag & 7]
            continue
        if tag >> 3 not in fields:
            continue
        key, kind = fields[tag >> 3]
        k = kind[0] if isinstance(kind, list) else kind
        if k == "int":
            value -= (value >> 63) << 64
        elif k == "bool":
            value = bool(value)
        elif k == "str":
            value = value.decode()
        elif k == "map":
            pair = decode({"": {"k": (1, "str"), "v": (2, "str")}}, "", value)
            message[key][pair["k"]] = pair["v"]
            continue
        elif k != "bytes":
            value = decode(tables, k, value)
        if isinstance(kind, list):
            message[key].append(value)
        else:
            message[key] = value
    return message
