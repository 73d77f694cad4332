/* Decodes each value of a file from a copy of exactly its size into results of exactly theirs, so that
   a sanitizer sees every access beyond them. Prints 1 for each usual value, 0 for any other.

   The file: the limits, then for each value its length, int64; whether it is compact, uint8; its bytes. */

#include <stdio.h>
#include <stdlib.h>

#include "transactions.c"

int main(int count, char **arguments) {
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    struct limits limits;
    if (!file || fread(&limits, sizeof limits, 1, file) != 1) return 2;
    for (int64_t length; fread(&length, sizeof length, 1, file) == 1;) {
        uint8_t compact, usual;
        char *value = malloc((size_t)length), *ids = malloc((size_t)limits.id_bytes + 1);
        float *features = malloc(NUMBERS * sizeof *features);
        double *amount = malloc(sizeof *amount);
        if (fread(&compact, 1, 1, file) != 1) return 2;
        if (fread(value, 1, (size_t)length, file) != (size_t)length) return 2;
        decode_transactions(1, value, &length, &compact, &limits, features, amount, ids, &usual);
        putchar('0' + usual);
        free(value);
        free(ids);
        free(features);
        free(amount);
    }
    return fclose(file);
}
