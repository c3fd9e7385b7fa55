/* A process of our own, for what we may not do any longer. */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Forks, and calls serve() in the child, which does not come back from there. The child has a session of its own and
 * no terminal, and ignores the signals that one sends. Nothing is open in it but `channel`, which ends when the
 * parent does, and `input` as its standard input; -1: /dev/null, as the outputs are. Returns the parent's end of the
 * channel, a SOCK_SEQPACKET; -1 with errno.
 */
int child_new(void (*serve)(int channel, bool sandbox), bool sandbox, int input);

/* In the child: the next message. False at the end: the parent is gone, or says something else. */
bool child_next(int channel, void *message, size_t size);
/* Answers with a descriptor, and closes it here; -1: with errno. False if nobody takes the answer. */
bool child_answer(int channel, int fd);

/* In the parent: the descriptor that the child answers with. -1 with errno; ECHILD if there is no child. */
int child_ask(int channel, const void *message, size_t size);

#endif
