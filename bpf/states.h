/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which changes of a socket's state begin or end an attempt.
 *
 * Included by tcpconntop.bpf.c after the maps: it uses their functions.
 */
#ifndef TCPCONNTOP_STATES_H
#define TCPCONNTOP_STATES_H

#include "connect.h"

/*
 * The probes of every probe set: inet_sock_set_state(sk, oldstate, newstate).
 *
 * The kernel skips a program that would interrupt itself on the same CPU. An answer that arrives while a task is in
 * this program would then end no attempt; and newer kernels let tasks preempt each other here. So the loader attaches
 * several copies of the program: as many as can be nested (program_copies() in tcpconntop/kernel/attach.py). The first
 * copy that runs does the work, the others find it done. Copies before FIRST_BEGIN leave begins alone.
 *
 * Most changes are of other sockets or at another time: they cost the runs of the copies, and compares. A connection
 * that is accepted leaves SYN_RECV too, but without a simultaneous open before, and has sent nothing as a socket of its own.
 */
static __always_inline bool is_accepted(const void *sk, int old_state)
{
	struct seen *seen = get_seen();

	return old_state == TCP_SYN_RECV && seen && (!seen->simultaneous || !READ(u32, sk, TCP_SEGS_OUT));
}

static __always_inline void simultaneous_open(void)
{
	struct seen *seen = get_seen();

	if (seen)
		seen->simultaneous = true;
}

static __always_inline int state_changes(struct bpf_raw_tracepoint_args *ctx, int copy)
{
	void *sk = (void *)ctx->args[0];
	int old_state = ctx->args[1], new_state = ctx->args[2];
	struct scratch *scratch;

	if (old_state == TCP_SYN_SENT || old_state == TCP_SYN_RECV) {
		scratch = get_scratch(copy);
		if (new_state == TCP_SYN_RECV) /* has not ended yet */
			simultaneous_open();
		else if (!is_accepted(sk, old_state) && scratch)
			connect_end(ctx, sk, scratch, new_state == TCP_ESTABLISHED, copy);
	} else if (new_state == TCP_SYN_SENT && copy >= FIRST_BEGIN) {
		scratch = get_scratch(copy);
		if (!scratch)
			return 0;
		read_sock(sk, scratch);
		if (SOCK_FIELD(u16, scratch, sk, SK_PROTOCOL) == IPPROTO_TCP)
			connect_begin(ctx, sk, scratch, copy);
	}
	return 0;
}

#endif
