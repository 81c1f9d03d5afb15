/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a connect attempt, whichever probes report it: connect_*() for the states of the socket, call_*() for
 * the call of tcp_v4_connect() or tcp_v6_connect().
 *
 * Included by tcpconntop.bpf.c after the maps: it uses their functions and COUNT().
 */
#ifndef TCPCONNTOP_CONNECT_H
#define TCPCONNTOP_CONNECT_H

#include "filter.h"
#include "netns.h"
#include "sock.h"

/* Write the record of an attempt that has ended. */
static __always_inline void report(void *ctx, struct event *attempt, struct ending ending,
				   const struct settings *settings)
{
	/* A segment that arrived before the last retransmission was not the answer. */
	if (ending.outcome != OUTCOME_OK || attempt->end_ns <= attempt->last_rtx_ns)
		attempt->end_ns = bpf_ktime_get_ns();
	attempt->outcome = ending.outcome;
	attempt->error = ending.error;
	if (ending.unsent) {
		COUNT(unsent);
		COUNT_NETNS(attempt, unsent);
	}
	if (attempt->end_ns - attempt->begin_ns < settings->min_latency_ns) {
		COUNT(below_minimum);
	} else if (emit(ctx, attempt, settings->wakeup_bytes)) {
		COUNT(ring_drops);
		if (!ending.unsent)
			COUNT_NETNS(attempt, lost);
	}
	COUNT_OUTCOME(outcomes, ending.outcome);
}

/*
 * Delete an attempt from the start map, write its record and count its outcome. Of several programs that try, the one
 * whose delete succeeds does it. Return true for that one.
 */
static __always_inline bool finish(void *ctx, u64 key, const struct event *attempt, struct ending ending,
				   const struct settings *settings)
{
	struct event record = *attempt;

	if (delete_attempt(&key))
		return false;
	report(ctx, &record, ending, settings);
	return true;
}

/*
 * Fill in process, user, cgroup and network namespace. Must run in the context of the process that connects.
 * A worker thread of io_uring belongs to that process as well.
 * False: the filters exclude the attempt.
 */
static __always_inline bool identify(const void *sk, struct event *attempt, const struct settings *settings)
{
	void *process;

	attempt->tgid = bpf_get_current_pid_tgid() >> 32;
	attempt->uid = bpf_get_current_uid_gid();
	if (!passes_filters(attempt, settings))
		return false;
	attempt->cgroup_id = bpf_get_current_cgroup_id();
	if (SK_NET)
		attempt->netns = READ(u32, READ(void *, sk, SK_NET), NET_INUM);
	process = READ(void *, bpf_get_current_task(), TASK_LEADER);
	attempt->process_start_ns = READ(u64, process, TASK_START);
	bpf_probe_read_kernel_str(&attempt->comm, sizeof(attempt->comm), process + TASK_COMM);
	bpf_get_current_comm(&attempt->thread, sizeof(attempt->thread));
	return true;
}

static __always_inline void count_attempt(const struct event *attempt)
{
	COUNT(attempts);
	count_netns_attempt(attempt);
}

/* The slot in which a socket is remembered that found the start map full. */
static __always_inline u64 *missed_slot(u64 sk)
{
	return get_missed((sk >> 6) * 0x9e3779b97f4a7c15ULL >> 32 & (MISSED_SLOTS - 1));
}

/* The call of this thread that connects the socket `sk`, or NULL. */
static __always_inline struct call *call_of_this_thread(const void *sk)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct call *call = find_call(&thread);

	return call && call->sk == (u64)sk ? call : NULL;
}

/*
 * The socket enters SYN_SENT, in the context of the process that connects. Runs once for each copy of the begin
 * program, `copy` being 1 for the first.
 *
 * If the start map has an entry already when the first copy runs, no probe saw the end of an earlier socket at the
 * same address. This should not happen. That attempt then ends as an error without errno, so that the ledger
 * balances. For later copies, an entry means that an earlier copy did the work. Only the last copy counts a full map.
 */
static __always_inline void connect_begin(void *ctx, void *sk, int copy)
{
	u64 key = (u64)sk;
	struct ending unseen = { .outcome = OUTCOME_ERROR };
	struct attempt attempt = { .record.begin_ns = bpf_ktime_get_ns() };
	struct settings *settings = get_settings();
	struct event *stale = find_attempt(&key);
	struct call *call;

	u64 *missed;

	if (!settings || (stale && copy > 1) || is_repaired(sk))
		return;
	if (stale)
		finish(ctx, key, stale, unseen, settings);
	call = call_of_this_thread(sk);
	if (call && !call->entered_syn_sent) { /* else an earlier call: no probe saw it return */
		attempt.record.begin_ns = call->target.begin_ns;
		call->entered_syn_sent = true;
	}
	read_destination(sk, &attempt.record);
	if (!identify(sk, &attempt.record, settings))
		return;
	read_before(sk, &attempt.before);
	if (!insert_attempt(&key, &attempt)) {
		count_attempt(&attempt.record);
		if (copy > 1)
			COUNT(skipped);
	} else if (copy == BEGIN_COPIES) {
		COUNT(start_failures);
		missed = missed_slot(key);
		if (missed)
			*missed = key;
	}
}

/* The first SYN is about to be passed to IP: route and port are chosen. */
static __always_inline void connect_sent(const void *sk)
{
	u64 key = (u64)sk;
	struct event *attempt = find_attempt(&key);

	if (attempt && !attempt->syn_ns)
		attempt->syn_ns = bpf_ktime_get_ns();
}

/* A segment for the socket has arrived. The last one before the attempt ends is the answer to the SYN. */
static __always_inline void connect_answered(const void *sk)
{
	u64 key = (u64)sk;
	struct event *attempt = find_attempt(&key);

	if (attempt)
		attempt->end_ns = bpf_ktime_get_ns();
}

/*
 * A segment was retransmitted, or could not be sent (`error`): a firewall of this host drops it, or a queue is full.
 * If the socket is in the start map, it is a SYN.
 */
static __always_inline void connect_retransmitted(u64 key, int error)
{
	struct event *attempt = find_attempt(&key);

	if (!attempt)
		return;
	attempt->syn_retransmits++;
	if (error)
		attempt->syn_unsent++;
	attempt->last_rtx_ns = bpf_ktime_get_ns();
	COUNT(syn_retransmits);
}

/* Count the retransmissions that the probe of this kernel does not report, because they were not sent. */
static __always_inline void count_unsent(const void *sk, struct event *attempt, const struct before *before)
{
	u16 all = READ(u32, sk, TCP_TOTAL_RETRANS) - before->retransmissions;

	if (!RETRANSMIT_HAS_ERROR && all > attempt->syn_retransmits) {
		attempt->syn_unsent = all - attempt->syn_retransmits;
		attempt->syn_retransmits = all;
		COUNT_MANY(syn_retransmits, attempt->syn_unsent);
	}
}

/* A socket that is not in the start map leaves SYN_SENT. If the map was full when it began, count how it ended. */
static __always_inline void missed_end(u64 sk, u8 outcome)
{
	u64 *missed = missed_slot(sk);

	if (missed && *missed == sk) {
		*missed = 0;
		COUNT_OUTCOME(missed_outcomes, outcome);
	}
}

/*
 * The socket leaves SYN_SENT (or SYN_RECV, in a simultaneous open), `ok` being true if it is connected. Runs once for
 * each copy of the end program.
 */
static __always_inline void connect_end(void *ctx, void *sk, bool ok, int copy)
{
	u64 key = (u64)sk;
	struct event *attempt = find_attempt(&key);
	struct settings *settings = get_settings();
	struct call *call;
	const struct before *before;
	struct ending ending = { .outcome = OUTCOME_OK };

	if (!settings)
		return;
	if (!attempt) {
		missed_end(key, ok ? OUTCOME_OK : outcome_of_socket(sk));
		return;
	}
	before = before_attempt(attempt);
	read_source(sk, attempt, before);
	count_unsent(sk, attempt, before);
	if (ok) {
		attempt->srtt_us = READ(u32, sk, TCP_SRTT) >> 3; /* the kernel stores eighths */
		ending.unsent = is_unsent(sk, before);
	} else {
		ending = classify_failure(sk, before);
		call = ending.error ? NULL : call_of_this_thread(sk);
		if (call && call->target.begin_ns == attempt->begin_ns)
			return; /* call_returns() will have the errno */
	}
	if (finish(ctx, key, attempt, ending, settings) && copy > 1)
		COUNT(skipped);
}

/* A call begins. With a v4-mapped address, tcp_v6_connect() calls tcp_v4_connect(): only the outer call counts. */
static __always_inline void call_begins(const void *sk, const void *address, int length, bool is_v6)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct call call = { .sk = (u64)sk, .target.begin_ns = bpf_ktime_get_ns() };
	struct call *outer = is_v6 ? NULL : call_of_this_thread(sk);

	if (is_repaired(sk) || (outer && outer->is_v4_mapped))
		return;
	read_sockaddr(sk, address, length, &call.target);
	call.is_v4_mapped = is_v6 && call.target.family == 4;
	update_call(&thread, &call);
}

/* A call returns. A negative result is the errno of a connect that failed inside the call, before any SYN was sent. */
static __always_inline void call_returns(void *ctx, int result)
{
	u64 key, thread = bpf_get_current_pid_tgid();
	struct call *call = find_call(&thread);
	struct settings *settings = get_settings();
	struct ending ending = { .outcome = outcome_of_error(-result), .error = -result, .unsent = true };
	struct event *attempt;

	if (!call || !settings)
		return;
	key = call->sk;
	if (result < 0 && call->entered_syn_sent) {
		attempt = find_attempt(&key);
		if (attempt)
			finish(ctx, key, attempt, ending, settings);
	} else if (result < 0 && identify((void *)key, &call->target, settings)) {
		count_attempt(&call->target);
		report(ctx, &call->target, ending, settings);
	}
	delete_call(&thread);
}

#endif
