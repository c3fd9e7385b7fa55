/* Gives files to a fuzz target, one after the other: what was found once stays mended. */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *name)
{
	FILE *file = fopen(name, "re");
	uint8_t *data = NULL;
	size_t size = 0, got;

	if (!file)
		err(2, "%s", name);
	do {
		data = realloc(data, size + BUFSIZ);
		if (!data)
			err(2, "memory");
		got = fread(data + size, 1, BUFSIZ, file);
		size += got;
	} while (got);
	fclose(file);
	fprintf(stderr, "%s\n", name);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	return 0;
}
