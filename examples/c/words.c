// Tools in C: the functions of `wit/words.wit`, and nothing of a host. Who calls them has
// checked the types of the arguments. What a function gives back is freed once it is read.
//
// Of the C library, only what needs no system: `printf` would want files, for which a
// component has to import WASI.

#include <stdlib.h>
#include <string.h>

#include "plugin.h"

typedef exports_example_words_words_counts_t counts_t;

// A piece of a text.
typedef struct {
  const char *start;
  size_t length;
} piece_t;

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Takes the next word off a text; false if there is none.
static bool next_word(piece_t *rest, piece_t *word) {
  while (rest->length > 0 && is_space(*rest->start)) {
    rest->start++;
    rest->length--;
  }
  word->start = rest->start;
  while (rest->length > 0 && !is_space(*rest->start)) {
    rest->start++;
    rest->length--;
  }
  word->length = (size_t)(rest->start - word->start);
  return word->length > 0;
}

static piece_t piece_of(const plugin_string_t *text) {
  return (piece_t){(const char *)text->ptr, text->len};
}

static void give(plugin_string_t *to, piece_t piece) {
  plugin_string_dup_n(to, piece.start, piece.length);
}

// Appends a number to a text that has room for it.
static void append(char *text, uint32_t number) {
  char digits[11], *start = digits + sizeof digits - 1;
  *start = '\0';
  do {
    *--start = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  strcat(text, start);
}

void exports_example_words_words_count(plugin_string_t *text, counts_t *ret) {
  piece_t rest = piece_of(text), word;
  memset(ret, 0, sizeof *ret);
  for (size_t i = 0; i < text->len; i++) {
    // The bytes of a character after its first begin with 10.
    ret->characters += ((unsigned char)rest.start[i] & 0xc0) != 0x80;
    ret->lines += rest.start[i] == '\n';
  }
  // The last line need not end.
  ret->lines += text->len > 0 && rest.start[text->len - 1] != '\n';
  while (next_word(&rest, &word)) ret->words++;
  plugin_string_free(text);
}

bool exports_example_words_words_word(plugin_string_t *text, uint32_t number,
                                      plugin_string_t *ret, plugin_string_t *err) {
  piece_t rest = piece_of(text), word;
  uint32_t found = 0;
  while (next_word(&rest, &word)) {
    if (++found == number) {
      give(ret, word);
      plugin_string_free(text);
      return true;
    }
  }
  char reason[64] = "there is no word ";
  append(reason, number);
  strcat(reason, " in it, only ");
  append(reason, found);
  plugin_string_dup(err, reason);
  plugin_string_free(text);
  return false;
}

static int longer_first(const void *one, const void *other) {
  const piece_t *a = one, *b = other;
  if (a->length != b->length) return a->length < b->length ? 1 : -1;
  return a->start < b->start ? -1 : a->start > b->start;
}

void exports_example_words_words_longest(plugin_string_t *text, uint32_t *maybe_limit,
                                         plugin_list_string_t *ret) {
  piece_t rest = piece_of(text), word;
  // There are at most as many words as every other byte.
  piece_t *words = malloc((text->len / 2 + 1) * sizeof *words);
  if (words == NULL) abort();
  size_t count = 0;
  while (next_word(&rest, &word)) words[count++] = word;
  qsort(words, count, sizeof *words, longer_first);
  if (maybe_limit != NULL && *maybe_limit < count) count = *maybe_limit;
  ret->len = count;
  ret->ptr = count > 0 ? malloc(count * sizeof *ret->ptr) : NULL;
  if (count > 0 && ret->ptr == NULL) abort();
  for (size_t i = 0; i < count; i++) give(&ret->ptr[i], words[i]);
  free(words);
  plugin_string_free(text);
}
