/* A sample of cttop as one JSON object: schema/cttop-sample.json. */
#ifndef SAMPLEJSON_H
#define SAMPLEJSON_H

#include "top.h"

/* A line with its newline. */
void sample_json(struct top *top, struct out *out);

#endif
