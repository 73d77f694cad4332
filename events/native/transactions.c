/* Decodes usual transactions: JSON with exactly the 31 fields, or the compact encoding.

   Anything unusual is left to `events.codec.decode_transaction`, which decides whether it is valid:
   escapes, an id that is not ASCII, unknown or repeated fields, values out of bounds, numbers of more
   digits than a double has. A transaction is usual only if that function returns the same id and the
   same numbers, to the last bit.

   The functions below read from `at` on and never at or after `end`. They return the position
   after what they have read, or NULL if it is unusual. */

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "a double must be rounded as a double");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "compact numbers are copied unchanged");

enum { TIME, AMOUNT = 29, NUMBERS, ID = NUMBERS, FIELDS }; /* the order of `FEATURES`; V1 is 1 */

struct limits {
    int64_t value_bytes, id_bytes;
    double lowest[NUMBERS], highest[NUMBERS];
};

struct transaction {
    const char *id;
    ptrdiff_t id_bytes;
    double numbers[NUMBERS];
};

#define READ(what) if (!(at = (what))) return NULL

static inline const char *space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) at++;
    return at;
}

static inline const char *text(const char *at, const char *end, const char *expected) {
    size_t length = strlen(expected);
    return (size_t)(end - at) >= length && !memcmp(at, expected, length) ? at + length : NULL;
}

static inline const char *token(const char *at, const char *end, const char *expected) {
    return text(space(at, end), end, expected);
}

static inline const char *digits(const char *at, const char *end, uint64_t *value) {
    for (; at < end && *at >= '0' && *at <= '9'; at++) *value = 10 * *value + (uint64_t)(*at - '0');
    return at;
}

/* As `digits`, eight bytes at a time, in an integer whose lowest byte is the first. A digit becomes
   its value; the first byte that is none has its highest bit set, itself or by the addition. The
   digits before it are shifted to the end, which zeros precede, and neighbours are combined. */
static inline const char *many_digits(const char *at, const char *end, uint64_t *value) {
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    while (end - at >= 8) {
        uint64_t bytes;
        memcpy(&bytes, at, 8);
        bytes ^= 0x3030303030303030;
        uint64_t other = (bytes | (bytes + 0x7676767676767676)) & 0x8080808080808080;
        int count = other ? __builtin_ctzll(other) / 8 : 8;
        if (count == 0) return at;
        bytes <<= 64 - 8 * count;
        bytes = (bytes * 10 + (bytes >> 8)) & 0x00ff00ff00ff00ff;
        bytes = (bytes * 100 + (bytes >> 16)) & 0x0000ffff0000ffff;
        bytes = (bytes * 10000 + (bytes >> 32)) & 0x00000000ffffffff;
        *value = *value * powers[count] + bytes;
        at += count;
        if (count < 8) return at;
    }
    return digits(at, end, value);
}

/* mantissa * 10^exponent, rounded correctly; for -22 <= exponent <= 22 and mantissas up to 2^53. Both
   the mantissa and the power are exact doubles then, so that one multiplication or division is
   rounded once (Clinger, How to read floating point numbers accurately, 1990). */
static inline double product(uint64_t mantissa, ptrdiff_t exponent) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)(int64_t)mantissa;
    return exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
}

/* The same for any mantissa but 0 and -27 <= exponent < 0: by powers of five, which fit into 64 bits.
   With the highest bits of both shifted to the top, the integer quotient has 63 or 64 bits, more than
   the 53 of a double. If there is a remainder, the lowest bit is set, so that it is no tie. */
static double quotient(uint64_t mantissa, ptrdiff_t exponent) {
    uint64_t divisor = 1;
    for (ptrdiff_t i = exponent; i < 0; i++) divisor *= 5;
    int up = __builtin_clzll(mantissa), down = __builtin_clzll(divisor);
    unsigned __int128 dividend = (unsigned __int128)(mantissa << up) << 63;
    divisor <<= down;
    uint64_t result = (uint64_t)(dividend / divisor);
    result |= (unsigned __int128)result * divisor != dividend;
    uint64_t bits = (uint64_t)(1023 + down - up - 63 + exponent) << 52; /* of a power of two */
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return (double)result * scale;
}

/* Minus zero is left out: `-0` is an integer, without a sign, and `-0.0` is not. */
static inline const char *number(const char *at, const char *end, double *result) {
    uint64_t mantissa = 0, power = 0;
    ptrdiff_t exponent = 0;
    int negative = at < end && *at == '-';
    const char *whole = at + negative;
    at = digits(whole, end, &mantissa);
    if (at == whole || (at - whole > 1 && *whole == '0')) return NULL;
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = many_digits(fraction, end, &mantissa);
        exponent = fraction - at;
        if (exponent == 0) return NULL;
    }
    if (at - whole > 19) { /* 20 digits may not fit into 64 bits, unless the first are zeros */
        while (whole < at && (*whole == '0' || *whole == '.')) whole++;
        if (at - whole > 19) return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        int minus = ++at < end && *at == '-';
        if (minus || (at < end && *at == '+')) at++;
        const char *first = at;
        at = digits(first, end, &power);
        if (at == first || at - first > 3) return NULL;
        exponent += minus ? -(ptrdiff_t)power : (ptrdiff_t)power;
    }
    double value;
    if (mantissa >> 53 == 0 && -22 <= exponent && exponent <= 22) value = product(mantissa, exponent);
    else if (mantissa && -27 <= exponent && exponent < 0) value = quotient(mantissa, exponent);
    else return NULL;
    if (negative && !mantissa) return NULL;
    *result = negative ? -value : value;
    return at;
}

/* A field's name and its closing quote. */
static inline const char *name(const char *at, const char *end, int *field) {
    if (at < end && *at == 'V') {
        uint64_t component = 0;
        const char *first = at + 1;
        at = digits(first, end, &component);
        if (at == first || at - first > 2 || *first == '0' || component >= AMOUNT) return NULL;
        *field = (int)component;
        return text(at, end, "\"");
    }
    const char *after;
    if ((after = text(at, end, "Time\""))) *field = TIME;
    else if ((after = text(at, end, "Amount\""))) *field = AMOUNT;
    else if ((after = text(at, end, "transaction_id\""))) *field = ID;
    return after;
}

/* Printable ASCII up to a quote or an escape; never NULL. */
static inline const char *id(const char *at, const char *end, struct transaction *result) {
    result->id = at;
    while (at < end && *at >= ' ' && *at <= '~' && *at != '"' && *at != '\\') at++;
    result->id_bytes = at - result->id;
    return at;
}

static const char *json(const char *at, const char *end, struct transaction *result) {
    uint32_t seen = 0;
    for (int count = 0; count < FIELDS; count++) { /* with none repeated, all of them */
        int field;
        READ(token(at, end, count ? "," : "{"));
        READ(token(at, end, "\""));
        READ(name(at, end, &field));
        if (seen >> field & 1) return NULL;
        seen |= 1u << field;
        READ(token(at, end, ":"));
        at = space(at, end);
        if (field != ID) {
            READ(number(at, end, &result->numbers[field]));
        } else {
            READ(text(at, end, "\""));
            READ(text(id(at, end, result), end, "\""));
        }
    }
    READ(token(at, end, "}"));
    return space(at, end);
}

static const char *compact(const char *at, const char *end, struct transaction *result) {
    if (end - at < (ptrdiff_t)sizeof result->numbers) return NULL;
    memcpy(result->numbers, at, sizeof result->numbers);
    return id(at + sizeof result->numbers, end, result);
}

static int within(const struct limits *limits, const struct transaction *decoded) {
    int inside = 1 <= decoded->id_bytes && decoded->id_bytes <= limits->id_bytes;
    for (int i = 0; i < NUMBERS; i++) /* which no comparison with NaN is */
        inside &= limits->lowest[i] <= decoded->numbers[i] && decoded->numbers[i] <= limits->highest[i];
    return inside;
}

/* Decodes `count` values that follow each other: value i ends at `values + ends[i]`, and `is_compact`
   says which encoding it has. For each sets `usual`, and if it is usual its rows of `features`
   (NUMBERS each) and `amounts`. Writes a line to `ids` for each, the id or nothing, and returns their
   length in bytes: at most `count * (limits->id_bytes + 1)`. */
int64_t decode_transactions(int64_t count, const char *values, const int64_t *ends,
                            const uint8_t *is_compact, const struct limits *limits,
                            float *features, double *amounts, char *ids, uint8_t *usual) {
    char *line = ids;
    for (int64_t row = 0; row < count; row++) {
        const char *at = values + (row ? ends[row - 1] : 0), *end = values + ends[row];
        struct transaction decoded;
        usual[row] = end - at <= limits->value_bytes
                     && (is_compact[row] ? compact : json)(at, end, &decoded) == end
                     && within(limits, &decoded);
        if (usual[row]) {
            for (int i = 0; i < NUMBERS; i++) features[row * NUMBERS + i] = (float)decoded.numbers[i];
            amounts[row] = decoded.numbers[AMOUNT];
            memcpy(line, decoded.id, (size_t)decoded.id_bytes);
            line += decoded.id_bytes;
        }
        *line++ = '\n';
    }
    return line - ids;
}
