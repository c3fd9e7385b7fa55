/* ctwatch --invalid: the packets that conntrack judged INVALID. */
#include "ctwatch.h"

#include <err.h>

int watch_invalid(struct ctwatch *watch)
{
	(void)watch;
	errx(2, "not yet");
}
