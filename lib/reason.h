/* Why a flow ended: the words, and the rules that choose one. */
#ifndef REASON_H
#define REASON_H

#include "flow.h"

/* The words of enum reason in order, NULL at the end; reason_names[0] is "". */
extern const char *const reason_names[];

#endif
