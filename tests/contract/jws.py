"""Checks a JSON Web Token against a key set, with nothing but Python's own library.

Written from RFC 7518 (RS256, ES256), RFC 8037 and RFC 8032 (EdDSA), and slow: it is the second
opinion on tokens that a C library has signed. It reads tokens from our own mocks and is no use
against strangers.
"""
import base64
import hashlib
import json


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):
    return int.from_bytes(decode(text), "big")


def verify_rs256(key, message, signature):
    modulus, exponent = number(key["n"]), number(key["e"])
    size = (modulus.bit_length() + 7) // 8
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    info = prefix + hashlib.sha256(message).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    opened = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    return len(signature) == size and opened == wanted


P256 = {
    "p": 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    "n": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "b": 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    "g": (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
          0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5),
}


def p256_add(a, b):
    p = P256["p"]
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % p == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, p)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, p)
    x = (slope * slope - a[0] - b[0]) % p
    return x, (slope * (a[0] - x) - a[1]) % p


def times(add, point, factor, zero):
    result = zero
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def verify_es256(key, message, signature):
    p, n = P256["p"], P256["n"]
    x, y = number(key["x"]), number(key["y"])
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    on_curve = (y * y - x * x * x + 3 * x - P256["b"]) % p == 0
    if len(signature) != 64 or not on_curve or not 0 < r < n or not 0 < s < n:
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, n)
    point = p256_add(times(p256_add, P256["g"], digest * inverse % n, None),
                     times(p256_add, (x, y), r * inverse % n, None))
    return point is not None and point[0] % n == r


ED_P = 2**255 - 19
ED_L = 2**252 + 27742317777372353535851937790883648493
ED_D = -121665 * pow(121666, -1, ED_P) % ED_P


def ed_add(a, b):
    product = ED_D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, ED_P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, ED_P)
    return x % ED_P, y % ED_P


def ed_point(encoded):
    value = int.from_bytes(encoded, "little")
    sign, y = value >> 255, value & (2**255 - 1)
    square = (y * y - 1) * pow(ED_D * y * y + 1, -1, ED_P) % ED_P
    x = pow(square, (ED_P + 3) // 8, ED_P)
    if x * x % ED_P != square:
        x = x * pow(2, (ED_P - 1) // 4, ED_P) % ED_P
    if x * x % ED_P != square:
        raise ValueError("no point of the curve")
    return (x if x & 1 == sign else -x % ED_P), y


def verify_eddsa(key, message, signature):
    public = decode(key["x"])
    s = int.from_bytes(signature[32:], "little")
    base = ed_point((4 * pow(5, -1, ED_P) % ED_P).to_bytes(32, "little"))
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(hashed, "little") % ED_L
    right = ed_add(ed_point(signature[:32]), times(ed_add, ed_point(public), challenge, (0, 1)))
    return len(signature) == 64 and s < ED_L and times(ed_add, base, s, (0, 1)) == right


VERIFIERS = {"RS256": verify_rs256, "ES256": verify_es256, "EdDSA": verify_eddsa}


def verify(token, key_set):
    """The token's header and claims; ValueError when no key of the set signed it."""
    head, claims, signature = token.split(".")
    header = json.loads(decode(head))
    keys = [key for key in key_set["keys"] if key["kid"] == header["kid"]]
    if len(keys) != 1 or keys[0]["alg"] != header["alg"]:
        raise ValueError("no key for this token")
    message = f"{head}.{claims}".encode()
    if not VERIFIERS[header["alg"]](keys[0], message, decode(signature)):
        raise ValueError("the signature is wrong")
    return header, json.loads(decode(claims))
