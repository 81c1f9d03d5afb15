/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a connect attempt, whichever probes report it. calls.h has what the call of connect() adds, states.h
 * what begins and ends it.
 *
 * Included by tcpconntop.bpf.c after the maps: it uses their functions and COUNT().
 */
#ifndef TCPCONNTOP_CONNECT_H
#define TCPCONNTOP_CONNECT_H

#include "identify.h"
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

static __always_inline void count_attempt(const struct event *attempt, const void *net, u64 thread)
{
	COUNT(attempts);
	count_netns_attempt(attempt, net, thread);
}

/* The slot in which a socket is remembered that found the start map full. */
static __always_inline u64 *missed_slot(u64 sk)
{
	return get_missed((sk >> 6) * 0x9e3779b97f4a7c15ULL >> 32 & (MISSED_SLOTS - 1));
}

/* The call of this thread that connects the socket `sk`, or NULL. Without probes of calls, nothing is looked for. */
static __always_inline struct call *call_of_this_thread(const void *sk, u64 thread)
{
	struct seen *seen = get_seen();
	struct call *call = seen && seen->calls ? find_call(&thread) : NULL;

	return call && call->sk == (u64)sk ? call : NULL;
}

/* Have a socket remembered that found the start map full. */
static __always_inline void remember_missed(u64 sk)
{
	u64 *missed = missed_slot(sk);
	struct seen *seen = get_seen();

	if (missed && seen) {
		*missed = sk;
		seen->missed = true;
	}
}

/* End an attempt whose end no probe saw. Return true if there was one. */
static __always_inline bool end_stale(void *ctx, u64 key, const struct settings *settings)
{
	struct ending unseen = { .outcome = OUTCOME_ERROR };
	struct event *stale = find_attempt(&key);

	if (stale)
		finish(ctx, key, stale, unseen, settings);
	return stale != NULL;
}

/*
 * The socket enters SYN_SENT, in the context of the process that connects. Runs once for each copy of the program from
 * FIRST_BEGIN on.
 *
 * If the start map has an entry already when the first copy runs, no probe saw the end of an earlier socket at the
 * same address. This should not happen. That attempt then ends as an error without errno, so that the ledger
 * balances. It is looked for only where the new attempt finds its place taken. For later copies, an entry means that an
 * earlier copy did the work. Only the last copy counts a full map.
 */
static __always_inline void connect_begin(void *ctx, void *sk, struct scratch *scratch, int copy)
{
	u64 key = (u64)sk, thread = bpf_get_current_pid_tgid();
	struct attempt attempt = { .record.begin_ns = bpf_ktime_get_ns() };
	struct settings *settings = get_settings();
	struct call *call;
	void *net;
	bool is_first = copy == FIRST_BEGIN;
	bool is_followed, is_placed;

	if (!settings || (!is_first && find_attempt(&key)) || is_repaired(TCP_FIELD(u8, scratch, sk, REPAIR_BYTE)))
		return;
	call = call_of_this_thread(sk, thread);
	if (call && !call->entered_syn_sent) { /* else an earlier call: no probe saw it return */
		attempt.record.begin_ns = call->target.begin_ns;
		call->entered_syn_sent = true;
	}
	read_destination(sk, scratch, &attempt.record);
	read_before(sk, scratch, &attempt.before);
	net = net_of(sk, scratch);
	is_followed = identify(net, &attempt.record, thread, scratch, settings);
	is_placed = is_followed && !insert_attempt(&key, &attempt);
	if (is_first && !is_placed && end_stale(ctx, key, settings))
		is_placed = is_followed && !insert_attempt(&key, &attempt);
	if (is_placed) {
		count_attempt(&attempt.record, net, thread);
		if (!is_first)
			COUNT(skipped);
	} else if (is_followed && (copy == COPIES)) {
		COUNT(start_failures);
		remember_missed(key);
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
	u16 all;

	if (RETRANSMIT_HAS_ERROR)
		return;
	all = READ(u32, sk, TCP_TOTAL_RETRANS) - before->retransmissions;
	if (all > attempt->syn_retransmits) {
		attempt->syn_unsent = all - attempt->syn_retransmits;
		attempt->syn_retransmits = all;
		COUNT_MANY(syn_retransmits, attempt->syn_unsent);
	}
}

/* A socket that is not in the start map leaves SYN_SENT. If the map was full when it began, count how it ended. */
static __always_inline void missed_end(const void *sk, bool ok)
{
	struct seen *seen = get_seen();
	u64 *missed = seen && seen->missed ? missed_slot((u64)sk) : NULL;

	if (missed && *missed == (u64)sk) {
		*missed = 0;
		COUNT_OUTCOME(missed_outcomes, ok ? OUTCOME_OK : outcome_of_socket(sk));
	}
}

/*
 * The socket leaves SYN_SENT (or SYN_RECV, in a simultaneous open), `ok` being true if it is connected. Runs once for
 * each copy of the program.
 */
static __always_inline void connect_end(void *ctx, void *sk, struct scratch *scratch, bool ok, int copy)
{
	u64 key = (u64)sk;
	struct event *attempt = find_attempt(&key);
	struct settings *settings = get_settings();
	struct call *call;
	const struct before *before;
	struct ending ending = { .outcome = OUTCOME_OK };
	bool no_port;
	u16 sport;

	if (!settings)
		return;
	if (!attempt) {
		missed_end(sk, ok);
		return;
	}
	before = before_attempt(attempt);
	read_sock(sk, scratch);
	ending.unsent = is_unsent(sk, scratch, before);
	sport = SOCK_FIELD(u16, scratch, sk, INET_SPORT);
	no_port = lacks_port(sport, ending.unsent, before);
	read_source(sk, scratch, attempt, sport, no_port);
	count_unsent(sk, attempt, before);
	if (ok) {
		attempt->srtt_us = TCP_FIELD(u32, scratch, sk, TCP_SRTT) >> 3; /* the kernel stores eighths */
	} else {
		ending = classify_failure(sk, scratch, before, ending.unsent, no_port);
		call = ending.error ? NULL : call_of_this_thread(sk, bpf_get_current_pid_tgid());
		if (call && call->target.begin_ns == attempt->begin_ns)
			return; /* call_returns() will have the errno */
	}
	if (finish(ctx, key, attempt, ending, settings) && copy > 1)
		COUNT(skipped);
}

#endif
