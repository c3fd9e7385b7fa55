/* The words for why a flow ended. */
#include "reason.h"

const char *const reason_names[] = {
	"", "refused", "no-answer", "half-open", "closed", "reset", "idle-timeout", "unanswered",
	"evicted", "replaced", "deleted", "killed", "expired", NULL,
};
