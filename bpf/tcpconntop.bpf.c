// SPDX-License-Identifier: GPL-2.0
/*
 * Follows every outgoing TCP connect from begin to end.
 *
 * One body of logic, connect_*() and call_*(), and thin probes around it. The start map holds what is known so
 * far of each connect in flight, by its struct sock; it is the record itself and leaves the map the moment the
 * connect ends, however it ends.
 *
 * An attempt is in the start map from SYN_SENT on. Where probes see the call itself, tcp_v4_connect() or
 * tcp_v6_connect(), a second map holds which thread is inside, and since when: an attempt then began there, and
 * what fails inside ends with the errno that is returned. A call that no probe saw costs no more than that.
 *
 * BCC rewrites what is done with maps, in this file alone: so it is all here. The loader defines CPUS (how many
 * there may be), START_MAP_SIZE, RING_BYTES, BEGIN_COPIES, one TRANSPORT_* and what sock.h asks for.
 */
#include <uapi/linux/ptrace.h>
#include "event.h"
#include "filter.h"
#include "sock.h"

/* A thread inside tcp_v4_connect() or tcp_v6_connect(). */
struct call {
	u64 sk;
	u64 mapped;          /* tcp_v6_connect() will call tcp_v4_connect() */
	u64 begun;           /* SYN_SENT was reached */
	struct event asked;  /* when, and where to */
};

BPF_HASH(tct_start, u64, struct event, START_MAP_SIZE);
/* By thread. Where the kernel skips the probe of a return, its call stays: the oldest ones make room. */
BPF_TABLE("lru_hash", u64, struct call, tct_calls, 8192);
BPF_F_TABLE("array", u32, struct counters, tct_counters, CPUS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct netns_counters, tct_netns, CPUS * NETNS_SLOTS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct settings, tct_settings, 1, BPF_F_MMAPABLE);

static __always_inline struct counters *own_counters(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return tct_counters.lookup(&cpu);
}

/* Atomic: an interrupt may run a probe in the midst of another one on the same CPU. */
#define COUNT(field) ({ \
	struct counters *own_ = own_counters(); \
	if (own_) \
		__sync_fetch_and_add(&own_->field, 1); \
})

/* The compiler knows that an outcome is in bounds; not every kernel's verifier sees it. */
#define COUNT_OUTCOME(outcome) ({ \
	u64 index_ = (outcome); \
	asm volatile("" : "+r"(index_)); \
	if (index_ < OUTCOME_COUNT) \
		COUNT(outcomes[index_]); \
})

static __always_inline struct netns_counters *own_netns_counters(u32 netns)
{
	u32 place = bpf_get_smp_processor_id() * NETNS_SLOTS + netns % NETNS_SLOTS;
	struct netns_counters *space = tct_netns.lookup(&place);

	if (space && !space->netns)
		space->netns = netns;
	return space;
}

/* Books an attempt with its network namespace, against whose own count it will be held. */
#define COUNT_NETNS(namespace, field) ({ \
	struct netns_counters *space_ = own_netns_counters(namespace); \
	if (space_ && space_->netns == (namespace)) \
		__sync_fetch_and_add(&space_->field, 1); \
	else if (space_) \
		__sync_fetch_and_add(&space_->others, 1); \
})

#ifdef TRANSPORT_RING
BPF_RINGBUF_OUTPUT(tct_events, RING_BYTES / PAGE_SIZE);

/*
 * The reader has its own timer; waking it is for bursts, and costs more than a record. So it is woken once in
 * `wakeup_bytes` on average, by chance: that needs no state which CPUs would have to share. (BCC before 0.28
 * cannot call bpf_ringbuf_query().)
 */
static __always_inline void emit(void *ctx, struct event *record, u32 wakeup_bytes)
{
	u64 chance = (u64)bpf_get_prandom_u32() * wakeup_bytes >> 32;
	u64 flags = chance < sizeof(*record) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	if (tct_events.ringbuf_output(record, sizeof(*record), flags))
		COUNT(ring_drops);
}
#endif

#ifdef TRANSPORT_PERF
BPF_PERF_OUTPUT(tct_events);

/* Waking is up to the reader, who opened the buffers. */
static __always_inline void emit(void *ctx, struct event *record, u32 wakeup_bytes)
{
	if (tct_events.perf_submit(ctx, record, sizeof(*record)))
		COUNT(ring_drops);
}
#endif

static __always_inline struct settings *get_settings(void)
{
	u32 first = 0;

	return tct_settings.lookup(&first);
}

/* The end of an attempt: its record goes out. */
static __always_inline void report(void *ctx, struct event *attempt, struct ending ending,
				   const struct settings *settings)
{
	if (ending.outcome != OUTCOME_OK || !attempt->end_ns)
		attempt->end_ns = bpf_ktime_get_ns();
	attempt->outcome = ending.outcome;
	attempt->error = ending.error;
	if (ending.unsent) {
		COUNT(unsent);
		COUNT_NETNS(attempt->netns, unsent);
	}
	if (attempt->end_ns - attempt->begin_ns < settings->min_latency_ns)
		COUNT(below_minimum);
	else
		emit(ctx, attempt, settings->wakeup_bytes);
}

/* Reports an attempt of the start map, forgets it and books its outcome. */
static __always_inline void settle(void *ctx, u64 key, struct event *attempt, struct ending ending,
				   const struct settings *settings)
{
	report(ctx, attempt, ending, settings);
	tct_start.delete(&key);
	COUNT_OUTCOME(ending.outcome);
}

/* Fills in who asks, in process context: so that process, user and cgroup are its own. False: filtered out. */
static __always_inline bool identify(const void *sk, struct event *attempt, const struct settings *settings)
{
	attempt->tgid = bpf_get_current_pid_tgid() >> 32;
	attempt->uid = bpf_get_current_uid_gid();
	if (!is_wanted(attempt, settings))
		return false;
	attempt->cgroup_id = bpf_get_current_cgroup_id();
#ifdef SK_NET
	attempt->netns = READ(u32, READ(void *, sk, SK_NET), NET_INUM);
#endif
	bpf_get_current_comm(&attempt->comm, sizeof(attempt->comm));
	return true;
}

static __always_inline void count_attempt(const struct event *attempt)
{
	COUNT(attempts);
	COUNT_NETNS(attempt->netns, attempts);
}

static __always_inline struct call *call_of_this_thread(const void *sk)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct call *call = tct_calls.lookup(&thread);

	return call && call->sk == (u64)sk ? call : NULL;
}

/*
 * The socket enters SYN_SENT: in the context of the process that asks for the connection.
 *
 * An entry that is still there belongs to an earlier socket at the same address, whose end no probe saw. That
 * should not be; it ends now, as an error without errno, so that the ledger balances. After the first turn, the
 * entry is what an earlier turn of the same begin left; and only on the last, a full map is full for good.
 */
static __always_inline void connect_begin(void *ctx, void *sk, int turn)
{
	u64 key = (u64)sk;
	struct ending unseen = { .outcome = OUTCOME_ERROR };
	struct event attempt = { .begin_ns = bpf_ktime_get_ns() };
	struct settings *settings = get_settings();
	struct event *stale = tct_start.lookup(&key);
	struct call *call;

	if (!settings || (stale && turn > 1))
		return;
	if (stale)
		settle(ctx, key, stale, unseen, settings);
	call = call_of_this_thread(sk);
	if (call && !call->begun) { /* else a call that is over: no probe saw it return */
		attempt.begin_ns = call->asked.begin_ns;
		call->begun = true;
	}
	read_destination(sk, &attempt);
	if (!identify(sk, &attempt, settings))
		return;
	if (!tct_start.insert(&key, &attempt))
		count_attempt(&attempt);
	else if (turn == BEGIN_COPIES)
		COUNT(start_failures);
}

/* The first SYN is about to be handed to IP: route and port are chosen. */
static __always_inline void connect_sent(const void *sk)
{
	u64 key = (u64)sk;
	struct event *attempt = tct_start.lookup(&key);

	if (attempt && !attempt->syn_ns)
		attempt->syn_ns = bpf_ktime_get_ns();
}

/* A segment for the socket is here. The last one before it is connected was the answer to the SYN. */
static __always_inline void connect_answered(const void *sk)
{
	u64 key = (u64)sk;
	struct event *attempt = tct_start.lookup(&key);

	if (attempt)
		attempt->end_ns = bpf_ktime_get_ns();
}

static __always_inline void connect_end(void *ctx, void *sk, struct ending ending)
{
	u64 key = (u64)sk;
	struct event *attempt = tct_start.lookup(&key);
	struct settings *settings = get_settings();

	if (!attempt || !settings)
		return;
	read_source(sk, attempt);
	if (ending.unsent && !ending.error && call_of_this_thread(sk))
		return; /* the call fails: what it returns says why */
	settle(ctx, key, attempt, ending, settings);
}

/* A v4-mapped address passes both functions: the call is the outer one. */
static __always_inline void call_begins(const void *sk, const void *address, int length, bool is_v6)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct call call = { .sk = (u64)sk, .asked.begin_ns = bpf_ktime_get_ns() };
	struct call *outer = is_v6 ? NULL : call_of_this_thread(sk);

	if (outer && outer->mapped)
		return;
	read_sockaddr(address, length, &call.asked);
	call.mapped = is_v6 && call.asked.family == 4;
	tct_calls.update(&thread, &call);
}

/* A negative result says why the connect failed, before SYN_SENT or in it. No SYN left, or none that counts. */
static __always_inline void call_returns(void *ctx, int result)
{
	u64 key, thread = bpf_get_current_pid_tgid();
	struct call *call = tct_calls.lookup(&thread);
	struct settings *settings = get_settings();
	struct ending ending = { .outcome = outcome_of_error(-result), .error = -result, .unsent = true };
	struct event *attempt;

	if (!call || !settings)
		return;
	key = call->sk;
	if (result < 0 && call->begun) {
		attempt = tct_start.lookup(&key);
		if (attempt)
			settle(ctx, key, attempt, ending, settings);
	} else if (result < 0 && identify((void *)key, &call->asked, settings)) {
		count_attempt(&call->asked);
		report(ctx, &call->asked, ending, settings);
		COUNT_OUTCOME(ending.outcome);
	}
	tct_calls.delete(&thread);
}

/*
 * The probes of every way: inet_sock_set_state(sk, oldstate, newstate).
 *
 * The kernel skips a program where it interrupts that same program: an answer that comes in while a process is
 * in the midst of it, on the same CPU, would end no attempt; and newer kernels let one process interrupt another
 * one there. So begin and end are programs of their own, of which the loader attaches as many as can be interrupted
 * at once (attach.py says how many that is). Whoever comes later finds the work done.
 */
static __always_inline int state_entered(struct bpf_raw_tracepoint_args *ctx, int turn)
{
	void *sk = (void *)ctx->args[0];

	if ((int)ctx->args[2] == TCP_SYN_SENT && READ(u16, sk, SK_PROTOCOL) == IPPROTO_TCP)
		connect_begin(ctx, sk, turn);
	return 0;
}

static __always_inline int state_left(struct bpf_raw_tracepoint_args *ctx)
{
	void *sk = (void *)ctx->args[0];
	int old_state = ctx->args[1], new_state = ctx->args[2];
	struct ending ending = { .outcome = OUTCOME_OK };

	if (old_state != TCP_SYN_SENT && old_state != TCP_SYN_RECV)
		return 0;
	if (new_state == TCP_SYN_RECV) /* a simultaneous open is not over yet */
		return 0;
	if (new_state != TCP_ESTABLISHED)
		ending = classify_failure(sk);
	connect_end(ctx, sk, ending);
	return 0;
}

#define STATE_PROBE(name, call) \
	int name(struct bpf_raw_tracepoint_args *ctx) \
	{ \
		return call; \
	}

STATE_PROBE(tct_begin_1, state_entered(ctx, 1))
STATE_PROBE(tct_begin_2, state_entered(ctx, 2))
STATE_PROBE(tct_begin_3, state_entered(ctx, 3))
STATE_PROBE(tct_end_1, state_left(ctx))
STATE_PROBE(tct_end_2, state_left(ctx))
STATE_PROBE(tct_end_3, state_left(ctx))

/* tcp_retransmit_skb(sk, skb[, err]): of a socket in the start map, a lost SYN. */
int tct_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 key = ctx->args[0];
	struct event *attempt = tct_start.lookup(&key);

	if (!attempt)
		return 0;
#ifdef RETRANSMIT_HAS_ERROR
	if ((int)ctx->args[2]) /* this one did not leave */
		return 0;
#endif
	attempt->syn_retransmits++;
	attempt->last_rtx_ns = bpf_ktime_get_ns();
	COUNT(syn_retransmits);
	return 0;
}

/* What fentry and kprobes add. BCC knows fentry and fexit programs, and what they go to, by names such as these. */
#define PROBE(name, context, call) \
	int name(context *ctx) \
	{ \
		call; \
		return 0; \
	}
#define FENTRY_CALL(is_v6) call_begins((void *)ctx[0], (void *)ctx[1], ctx[2], is_v6)
#define KPROBE_CALL(is_v6) \
	call_begins((void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), is_v6)

PROBE(kfunc__tcp_v4_connect, u64, FENTRY_CALL(false))
PROBE(kfunc__tcp_v6_connect, u64, FENTRY_CALL(true))
PROBE(kretfunc__tcp_v4_connect, u64, call_returns(ctx, ctx[3]))
PROBE(kretfunc__tcp_v6_connect, u64, call_returns(ctx, ctx[3]))
PROBE(kfunc__tcp_connect, u64, connect_sent((void *)ctx[0]))
PROBE(kfunc__tcp_rcv_state_process, u64, connect_answered((void *)ctx[0]))

PROBE(tct_kprobe_v4_connect, struct pt_regs, KPROBE_CALL(false))
PROBE(tct_kprobe_v6_connect, struct pt_regs, KPROBE_CALL(true))
PROBE(tct_kprobe_returns, struct pt_regs, call_returns(ctx, PT_REGS_RC(ctx)))
PROBE(tct_kprobe_sent, struct pt_regs, connect_sent((void *)PT_REGS_PARM1(ctx)))
PROBE(tct_kprobe_answered, struct pt_regs, connect_answered((void *)PT_REGS_PARM1(ctx)))
