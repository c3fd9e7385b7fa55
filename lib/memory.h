/* Memory that must be there: none of the commands can go on without it. */
#ifndef MEMORY_H
#define MEMORY_H

/* Does not return. The command's own one says so and ends with exit status 2; a program without one
 * aborts. */
_Noreturn void memory_exhausted(void);

/* What malloc() and its like returned, if it is not NULL. */
void *must(void *memory);

/* The same for a text that a library made. */
static inline const char *must_text(const char *text)
{
	if (!text)
		memory_exhausted();
	return text;
}

#endif
