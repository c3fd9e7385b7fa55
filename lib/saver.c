/* Opens files in a child that knows the names alone, not what is written. */
#include "saver.h"

#include "child.h"
#include "privs.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The longest name that a directory may have. */
struct wish {
	char name[256];
};

static int make_file(const struct wish *wish)
{
	const char *name = wish->name;

	if (!memchr(name, '\0', sizeof(wish->name)) || !*name || *name == '.' || strchr(name, '/')) {
		errno = EINVAL;
		return -1;
	}
	return open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static _Noreturn void serve(int channel, bool sandbox)
{
	struct wish wish;

	privs_drop(false);
	if (sandbox)
		sandbox_enter(SANDBOX_CREATE);
	while (child_next(channel, &wish, sizeof(wish)))
		if (!child_answer(channel, make_file(&wish)))
			break;
	_exit(0);
}

int saver_new(bool sandbox)
{
	return child_new(serve, sandbox, -1);
}

int saver_open(int channel, const char *name)
{
	struct wish wish = { "" };

	if (strlen(name) >= sizeof(wish.name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(wish.name, name);
	return child_ask(channel, &wish, sizeof(wish));
}
