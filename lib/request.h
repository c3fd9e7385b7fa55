/* Builds the few requests that ctscope sends. None of them changes anything. */
#ifndef REQUEST_H
#define REQUEST_H

#include "source.h"

#include <stddef.h>

enum { REQUEST_SIZE = 1024 };

/* A dump request into `buffer`, REQUEST_SIZE bytes; its length. */
size_t request_dump(void *buffer, enum table table, const struct request *request);

#endif
