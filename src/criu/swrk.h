/* SPDX-License-Identifier: Apache-2.0 */
/* A `criu swrk` process: its start, and requests, responses and notifications. */
#ifndef HULL_CRIU_SWRK_H
#define HULL_CRIU_SWRK_H

#include <sys/types.h>
#include "base/error.h"
#include "base/log.h"
#include "criu/rpc.h"

/* The first descriptor that CRIU inherits: 0 to 2 are the standard streams, 3 is its socket. */
enum { FIRST_INHERITED = 4 };

/* Initialise with SWRK_INIT; end it with swrk_finish or swrk_abort. */
struct swrk {
    pid_t       pid;
    int         sock;
    int         signal_fd;   /* readable: stop waiting; -1: none */
    bool        own_fds;     /* descriptors in requests are numbers in CRIU, not here */
    struct log *log;
    struct arena *arena;
};
#define SWRK_INIT {.sock = -1, .signal_fd = -1}

/** Runs in the new process before it becomes CRIU. 0 or negative with the error set. */
typedef int swrk_prepare_fn(void *arg, struct hull_error *e);
/**
 * Starts criu, found in PATH, with no signal blocked or ignored. Its standard streams are ours.
 * @param w        log and arena set
 * @param inherit  descriptors that become 4, 5, ... there (3 is the socket)
 * @param prepare  may be NULL; its error is reported as ours
 * @return when the program runs: 0 or negative ("exec: \"criu\": executable file not found in $PATH")
 */
int swrk_start(struct swrk *w, const int *inherit, size_t n_inherit, swrk_prepare_fn *prepare,
               void *arg, struct hull_error *e);
/** Ends the conversation and waits for the process; it is an error if that has failed. */
int swrk_finish(struct swrk *w, struct hull_error *e);
/** The same for a failure: after 10 s the process is killed. */
void swrk_abort(struct swrk *w);

int swrk_send(struct swrk *w, const struct criu_request *req, struct hull_error *e);
/**
 * Waits for the next response or notification. One that reports no success is an error: "criu
 * failed: type RESTORE errno 22".
 * @param ret_fd  receives the descriptor that came with it (CLOEXEC), or -1; may be NULL
 */
int swrk_receive(struct swrk *w, struct criu_response *ret, int *ret_fd, struct hull_error *e);
/** Answers a notification. */
int swrk_answer(struct swrk *w, struct hull_error *e);
/** Asks for the version and refuses one before 3.0; a further request follows. As 40101 for 4.1.1. */
int swrk_version(struct swrk *w, int *ret_version, struct hull_error *e);
/** Refuses a CRIU or kernel that lacks one of the features; a further request follows. */
int swrk_need(struct swrk *w, const struct criu_features *f, struct hull_error *e);

/**
 * Quotes the lines of a log that report an error, with those before them, as warnings.
 * @param dir_fd  where the log is
 * @param dir     the same for the reader
 */
void criu_quote_log(struct log *log, int dir_fd, const char *dir, const char *name);
#endif
