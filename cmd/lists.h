/* Lists for people and for completion: the fields, and the words of the filter. */
#ifndef LISTS_H
#define LISTS_H

/* `in`: IN_ bits of the fields to list; 0: all. To stdout, which the caller flushes. */
struct field;

void list_fields(const struct field *rows, unsigned in);

/* Word, the field whose value it is (empty: it stands anywhere), help; separated by tabs. */
void list_words(unsigned in);

#endif
