/* Saved data as pieces: a packet of netlink messages, or a line of text. */
#ifndef SAVEFILE_H
#define SAVEFILE_H

#include "source.h"
#include "textin.h"

enum piece_type { PIECE_NETLINK, PIECE_TEXT, PIECE_JSON };

/* `time` in nanoseconds since 1970, 0 where the file has none. Text ends in a NUL. Of length 0 it is
 * nothing yet. */
struct piece {
	const uint8_t *data;
	size_t length;
	uint64_t time;
	enum piece_type type;
};

struct savefile;

/* All files are opened here, while there may still be a right to, and read one after the other; "-"
 * is stdin. NULL with errno if memory is out. */
struct savefile *savefile_open(const char *const *files, unsigned count,
			       const struct complaint *complaint, const struct names *names);
void savefile_close(struct savefile *file);

/*
 * Begins again with the first file, through the descriptors that savefile_keep() has kept before anything was
 * read: there may be no right to open it any more, or another file of that name. False: one is a pipe.
 */
bool savefile_keep(struct savefile *file);
bool savefile_rewind(struct savefile *file);

/* 1, 0 at the end, -1 with errno (EINTR). A file that cannot be opened or read is complained of. */
int savefile_next(struct savefile *file, struct piece *piece);

/* How many files could not be opened or read, or are captures of other netlink families. */
unsigned savefile_lost(const struct savefile *file);
/* How many captures end within a packet, and lines that are none. */
unsigned savefile_broken(const struct savefile *file);

/* The flow in a piece of text; complains where it is bad. */
enum text savefile_parse(struct savefile *file, struct piece *piece, struct flow *flow);

/* Tells the owner about the piece just read. NULL: nobody to tell. */
void savefile_complain(struct savefile *file, const char *what);
const char *savefile_name(const struct savefile *file);

#endif
