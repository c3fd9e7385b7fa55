/* What somebody may have meant by a word of a filter that is not understood. */
#ifndef HINT_H
#define HINT_H

#include "field.h"

/* Why this word of firewall rules is none of a filter, as the rest of a sentence; NULL: it is no such word. */
const char *hint_packets(const char *word);

/* What follows a complaint about an unknown word or value: "; did you mean 'x'?", or nothing. */
void hint_word(char *text, size_t size, const char *word);
void hint_value(char *text, size_t size, const struct field *field, const char *word);

#endif
