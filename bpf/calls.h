/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The call of tcp_v4_connect() or tcp_v6_connect(), where probes see it.
 *
 * Included by tcpconntop.bpf.c after the maps: it uses their functions.
 */
#ifndef TCPCONNTOP_CALLS_H
#define TCPCONNTOP_CALLS_H

#include "connect.h"

/* A call begins. With a v4-mapped address, tcp_v6_connect() calls tcp_v4_connect(): only the outer call counts. */
static __always_inline void call_begins(const void *sk, const void *address, int length, bool is_v6)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct call call = { .sk = (u64)sk, .target.begin_ns = bpf_ktime_get_ns() };
	struct call *outer = is_v6 ? NULL : call_of_this_thread(sk, thread);
	struct seen *seen = get_seen();

	if (!seen || is_repaired(READ(u8, sk, REPAIR_BYTE)) || (outer && outer->is_v4_mapped))
		return;
	read_sockaddr(sk, address, length, &call.target);
	call.is_v4_mapped = is_v6 && call.target.family == 4;
	update_call(&thread, &call);
	if (!seen->calls)
		seen->calls = true;
}

/* A call returns. A negative result is the errno of a connect that failed inside the call, before any SYN was sent. */
static __always_inline void call_returns(void *ctx, int result, int program)
{
	u64 key, thread = bpf_get_current_pid_tgid();
	struct call *call = find_call(&thread);
	struct settings *settings = get_settings();
	struct ending ending = { .outcome = outcome_of_error(-result), .error = -result, .unsent = true };
	struct event *attempt;
	struct scratch *scratch = get_scratch(program);
	void *net = NULL;

	if (!call || !settings || !scratch)
		return;
	key = call->sk;
	if (result < 0 && SK_NET)
		net = READ(void *, key, SK_NET);
	if (result < 0 && call->entered_syn_sent) {
		attempt = find_attempt(&key);
		if (attempt)
			finish(ctx, key, attempt, ending, settings);
	} else if (result < 0 && identify(net, &call->target, thread, scratch, settings)) {
		count_attempt(&call->target, net, thread);
		report(ctx, &call->target, ending, settings);
	}
	delete_call(&thread);
}

#endif
