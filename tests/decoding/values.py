"""Values of records for comparing decoders: valid, nearly valid, and mutated at random."""

from collections.abc import Mapping
from fractions import Fraction
from math import inf, nextafter
from random import Random

from events.codec import Encoding
from events.messages import BOUNDS, FEATURES, Transaction
from tests.decoding.compare import Value

NAMES = ("transaction_id", *FEATURES)
NUMBERS = {name: f"{place}.5" for place, name in enumerate(FEATURES)}
TRANSACTION = Transaction("row-0000001", *(float(text) for text in NUMBERS.values()))

# Bytes that mean something in JSON or to one of its decoders.
BYTES = b'"\\{}[]:,.+-0123456789eEVTAtx \t\n\r\x00\x1f\x7f\x80\xc3\xff'
FRAGMENTS = (
    *(b'"V1":', b'"V29":1', b'"V01":1', b'"later":1,', b"{}", b"[]", b"null", b"1e400", b"-0"),
    *(b"1e22", b"1e-23", b"9007199254740993", b"18446744073709551617", b"0" * 20, b"1" * 20),
    *(b"\\u0031", b"\xc3\xa9", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"//", b"\n\n"),
)


def json_value(numbers: Mapping[str, str], transaction_id: str = "row-0000001") -> bytes:
    """Return a JSON value with these literals, by name, and others that are usual."""
    fields = {"transaction_id": f'"{transaction_id}"', **NUMBERS, **numbers}
    return ("{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}").encode()


def literal(random: Random) -> str:
    """Return a number without a sign: up to 20 digits, in one of the notations of JSON."""
    digits = str(random.randrange(10 ** random.randint(1, 20)))
    point = random.randint(-7, len(digits) + 2)
    if point <= 0:
        text = f"0.{'0' * -point}{digits}"
    elif point < len(digits):
        text = f"{digits[:point]}.{digits[point:]}"
    else:
        text = digits + "0" * (point - len(digits))
    if random.random() < 0.2:
        exponent = f"{random.randint(0, 26):0{random.randint(1, 3)}}"
        text += random.choice("eE") + random.choice(("", "+", "-", "-")) + exponent
    return text


def random_numbers(random: Random) -> Value:
    """Return a JSON value with a new literal in each of five fields, `Amount` among them."""
    numbers = {}
    for name in ("Amount", *random.sample(FEATURES, 4)):
        low, high = BOUNDS[name]
        text = literal(random)
        while float(text) > high:
            text = literal(random)
        numbers[name] = f"-{text}" if low < 0 and random.random() < 0.5 else text
    return json_value(numbers), Encoding.JSON


def halfway(random: Random) -> Value:
    """Return a JSON value whose `Amount` has 18 digits, and lies next to the middle of two doubles.

    Which of the two it becomes depends on the digits that a double has no room for.
    """
    low = random.uniform(1, 9)
    middle = (Fraction(low) + Fraction(nextafter(low, inf))) / 2
    digits = str(int(middle * 10**17) + random.randint(-1, 2))
    return json_value({"Amount": f"{digits[0]}.{digits[1:]}"}), Encoding.JSON


def shuffled(random: Random) -> Value:
    """Return a usual JSON value in another order, with white space."""

    def space() -> str:
        return "".join(random.choices(" \t\r\n", k=random.choice((0, 0, 0, 1, 3))))

    def field(name: str) -> str:
        text = NUMBERS.get(name, '"row-0000001"')
        return f'{space()}"{name}"{space()}:{space()}{text}{space()}'

    names = random.sample(NAMES, len(NAMES))
    return (f"{space()}{{{','.join(map(field, names))}}}{space()}".encode(), Encoding.JSON)


def mutated(random: Random) -> Value:
    """Return a value with one to three random changes; few of them are still valid."""
    encoding = Encoding.COMPACT if random.random() < 0.15 else Encoding.JSON
    if encoding is Encoding.COMPACT:
        value = encoding.write(TRANSACTION)
    else:
        value = random.choice((shuffled, random_numbers, random_numbers))(random)[0]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        first, last = sorted(random.choices(range(len(value) + 1), k=2))
        if random.random() < 0.8:
            last = min(last, first + random.randint(0, 3))
        replacement = random.choice(
            (
                b"",
                bytes([random.choice(BYTES)]),
                random.choice(FRAGMENTS),
                random.randbytes(1),
                value[first:last] * 2,
            )
        )
        value = value[:first] + replacement + value[last:]
    return value, encoding


def truncated(value: Value) -> list[Value]:
    """Return each beginning of a value, followed by the rest, as values of their own."""
    whole, encoding = value
    parts = ((whole[:cut], whole[cut:]) for cut in range(len(whole) + 1))
    return [(part, encoding) for pair in parts for part in pair]
