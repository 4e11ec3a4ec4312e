/*
 * Runs a battery of TestU01 (L'Ecuyer and Simard, "TestU01: A C library for empirical testing of random number
 * generators", 2007) on the 32-bit words that come on standard input, in the machine's own byte order, and prints a
 * line for each p-value: the test's name, a tab, the p-value.
 *
 *   cc -O2 smallcrush.c -o smallcrush -ltestu01 -ltestu01probdist -ltestu01mylib -lm
 *   words | ./smallcrush small|reversed|crush
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <testu01/bbattery.h>
#include <testu01/swrite.h>
#include <testu01/unif01.h>

static uint32_t words[1 << 16];
static size_t held = 0, used = 0;
static int reversed = 0;

static uint32_t reverse(uint32_t word) {
  word = (word & 0x55555555u) << 1 | (word >> 1 & 0x55555555u);
  word = (word & 0x33333333u) << 2 | (word >> 2 & 0x33333333u);
  word = (word & 0x0f0f0f0fu) << 4 | (word >> 4 & 0x0f0f0f0fu);
  return word << 24 | (word & 0xff00u) << 8 | (word >> 8 & 0xff00u) | word >> 24;
}

static unsigned int next(void) {
  if (used == held) {
    held = fread(words, sizeof words[0], sizeof words / sizeof words[0], stdin);
    used = 0;
    if (held == 0) {
      fprintf(stderr, "the words ended before the battery did\n");
      exit(2);
    }
  }
  uint32_t word = words[used++];
  return reversed ? reverse(word) : word;
}

int main(int count, char **arguments) {
  const char *battery = count > 1 ? arguments[1] : "small";
  /* The library reports on standard output; keep that for the figures. */
  int out = dup(STDOUT_FILENO);
  if (out < 0 || freopen("/dev/null", "w", stdout) == NULL) return 2;
  swrite_Basic = FALSE;
  reversed = strcmp(battery, "reversed") == 0;
  unif01_Gen *generator = unif01_CreateExternGenBits("stdin", next);
  if (strcmp(battery, "crush") == 0) {
    bbattery_Crush(generator);
  } else {
    bbattery_SmallCrush(generator);
  }
  unif01_DeleteExternGenBits(generator);
  FILE *figures = fdopen(out, "w");
  if (figures == NULL) return 2;
  for (int test = 0; test < bbattery_NTests; test++) {
    fprintf(figures, "%s\t%.17g\n", bbattery_TestNames[test], bbattery_pVal[test]);
  }
  return fclose(figures) == 0 ? 0 : 2;
}
