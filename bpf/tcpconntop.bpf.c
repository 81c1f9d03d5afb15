// SPDX-License-Identifier: GPL-2.0
/*
 * Follow every outgoing TCP connect from its begin to its end: maps and probes. The logic is in connect.h, states.h and calls.h.
 *
 * An attempt is in the start map from SYN_SENT on, with everything known so far; it leaves the map when it ends, in
 * whatever way. Where probes see the call of tcp_v4_connect() or tcp_v6_connect(), a second map holds the threads
 * inside it: the attempt then begins with the call, and a failure inside the call has the errno that is returned.
 *
 * BCC rewrites the operations on maps, but only in this file: so all of them are here. User space defines the macros
 * CPUS (how many there can be), START_MAP_SIZE, TCT_START_FLAGS, RING_BYTES, COPIES, FIRST_BEGIN, one TRANSPORT_* and those
 * of sock.h and netns.h.
 */
#include <uapi/linux/ptrace.h>
#include "event.h"
#include "sock.h"

#define MISSED_SLOTS 65536 /* a power of 2 */
#ifndef TCT_START_FLAGS
#define TCT_START_FLAGS 0
#endif

/* A thread inside tcp_v4_connect() or tcp_v6_connect(). */
struct call {
	u64 sk;
	u64 is_v4_mapped;     /* tcp_v6_connect() will call tcp_v4_connect() */
	u64 entered_syn_sent;
	struct event target;  /* only begin_ns and the destination, until the call fails */
};

/*
 * Attempts in flight, by address of struct sock. The value begins with the record, filled in step by step.
 * Inserted by connect_begin(). Updated by connect_sent(), connect_answered() and connect_retransmitted().
 * Deleted by finish(), from connect_end(), call_returns() or a connect_begin() at the same address.
 * User space never reads it.
 */
BPF_F_TABLE("hash", u64, struct attempt, tct_start, START_MAP_SIZE, TCT_START_FLAGS);

/*
 * Sockets that found the start map full, so that their end can be counted. The slot is a hash of the address; a newer
 * socket replaces an older one. Written by connect_begin(), cleared by connect_end(). User space never reads it.
 */
BPF_ARRAY(tct_missed, u64, MISSED_SLOTS);

/*
 * Calls in progress, by thread. Inserted by call_begins(), updated by connect_begin(), deleted by call_returns().
 * If the kernel skips the probe of a return, the entry stays until the thread connects again, or until newer entries
 * need the space (LRU). connect_begin() and connect_end() recognise such a left-over entry, and do not use it.
 * User space never reads it.
 */
BPF_TABLE("lru_hash", u64, struct call, tct_calls, 8192);

/* One entry: what has happened at least once, so that nobody has to look for it before. User space never reads it. */
struct seen {
	u32 calls;        /* set by call_begins() */
	u32 missed;       /* set by connect_begin(): a full start map */
	u32 simultaneous; /* set by state_changes(): SYN_SENT became SYN_RECV */
	u32 reserved;
};
BPF_ARRAY(tct_seen, struct seen, 1);

/* What programs read at once (sock.h), by CPU and program: copies of that of state changes first. */
enum { SCRATCH_OF_V4_RETURN = 4, SCRATCH_OF_V6_RETURN, SCRATCH_PROGRAMS = 8 };
BPF_F_TABLE("array", u32, struct scratch, tct_scratch, CPUS * SCRATCH_PROGRAMS, 0);

/* Totals, by CPU. Never inserted or deleted: every probe adds to them (COUNT). User space maps and reads them. */
BPF_F_TABLE("array", u32, struct counters, tct_counters, CPUS, BPF_F_MMAPABLE);

/*
 * Totals for each network namespace, by slot. Slots are claimed and counted by netns.h. User space maps and reads them.
 */
BPF_F_TABLE("array", u32, struct netns_counters, tct_netns, NETNS_SLOTS, BPF_F_MMAPABLE);

/*
 * Slots that are in use, by index and generation: inserting one claims the slot, since only one program can succeed.
 * Inserted and deleted by claim_netns_slot(). User space never reads it.
 */
BPF_HASH(tct_claims, u64, u64, NETNS_SLOTS + 1024);

/* One entry. Written by user space, through BCC at first and then through its mapping; read by every probe. */
BPF_F_TABLE("array", u32, struct settings, tct_settings, 1, BPF_F_MMAPABLE);

static __always_inline struct event *find_attempt(u64 *sk)
{
	return (struct event *)tct_start.lookup(sk);
}

/* What was in the socket before an attempt that find_attempt() returned. */
static __always_inline const struct before *before_attempt(const struct event *record)
{
	return &((const struct attempt *)record)->before;
}

static __always_inline int insert_attempt(u64 *sk, struct attempt *attempt)
{
	return tct_start.insert(sk, attempt);
}

/* 0 for one caller alone, even if several delete the same attempt. */
static __always_inline int delete_attempt(u64 *sk)
{
	return tct_start.delete(sk);
}

static __always_inline u64 *get_missed(u32 index)
{
	return tct_missed.lookup(&index);
}

static __always_inline struct call *find_call(u64 *thread)
{
	return tct_calls.lookup(thread);
}

static __always_inline void update_call(u64 *thread, struct call *call)
{
	tct_calls.update(thread, call);
}

static __always_inline void delete_call(u64 *thread)
{
	tct_calls.delete(thread);
}

static __always_inline struct seen *get_seen(void)
{
	u32 first = 0;

	return tct_seen.lookup(&first);
}

static __always_inline struct scratch *get_scratch(int program)
{
	u32 index = bpf_get_smp_processor_id() * SCRATCH_PROGRAMS + program;

	return tct_scratch.lookup(&index);
}

static __always_inline struct settings *get_settings(void)
{
	u32 first = 0;

	return tct_settings.lookup(&first);
}

static __always_inline struct counters *own_counters(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return tct_counters.lookup(&cpu);
}

/* Atomic: an interrupt can run a probe during another one on the same CPU. */
#define COUNT_MANY(field, number) ({ \
	struct counters *own_ = own_counters(); \
	if (own_) \
		__sync_fetch_and_add(&own_->field, number); \
})
#define COUNT(field) COUNT_MANY(field, 1)

/* The compiler knows that an outcome is in bounds, but not every kernel's verifier can prove it. */
#define COUNT_OUTCOME(field, outcome) ({ \
	u64 index_ = (outcome); \
	asm volatile("" : "+r"(index_)); \
	if (index_ < OUTCOME_COUNT) \
		COUNT(field[index_]); \
})

static __always_inline struct netns_counters *get_netns_slot(u32 index)
{
	return tct_netns.lookup(&index);
}

/* 0 for one caller alone. */
static __always_inline int insert_netns_claim(u64 *claim)
{
	return tct_claims.insert(claim, claim);
}

static __always_inline void delete_netns_claim(u64 *claim)
{
	tct_claims.delete(claim);
}

#ifdef TRANSPORT_RING
/* Records of ended attempts. Written by emit(), read by user space through its mapping. */
BPF_RINGBUF_OUTPUT(tct_events, RING_BYTES / PAGE_SIZE);

/*
 * The reader has a timer; waking it is for bursts, and costs more than writing a record. So a hash of the time decides:
 * once in `wakeup_bytes` on average. This needs no state that CPUs would have to share. (BCC before 0.28 cannot call
 * bpf_ringbuf_query().)
 */
static __always_inline int emit(void *ctx, struct event *record, u32 wakeup_bytes)
{
	u64 chance = (record->end_ns * 0x9e3779b97f4a7c15ULL >> 32) * wakeup_bytes >> 32;
	u64 flags = chance < sizeof(*record) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	return tct_events.ringbuf_output(record, sizeof(*record), flags);
}
#endif

#ifdef TRANSPORT_PERF
/* Records of ended attempts, one buffer for each CPU. Written by emit(), read by the loader process. */
BPF_PERF_OUTPUT(tct_events);

/* The reader chose the wake-up threshold when it opened the buffers. */
static __always_inline int emit(void *ctx, struct event *record, u32 wakeup_bytes)
{
	return tct_events.perf_submit(ctx, record, sizeof(*record));
}
#endif

#include "calls.h"
#include "states.h"

#define STATE_PROBE(name, copy) \
	int name(struct bpf_raw_tracepoint_args *ctx) \
	{ \
		return state_changes(ctx, copy); \
	}

STATE_PROBE(tct_state_1, 1)
STATE_PROBE(tct_state_2, 2)
STATE_PROBE(tct_state_3, 3)

/* tcp_retransmit_skb(sk, skb[, err]): a SYN, if the socket is in the start map. Without `err`, only if it was sent. */
int tct_retransmit(struct bpf_raw_tracepoint_args *ctx)
{
	connect_retransmitted(ctx->args[0], RETRANSMIT_HAS_ERROR ? ctx->args[2] : 0);
	return 0;
}

/* fentry and kprobes. */
#define PROBE(name, context, call) \
	int name(context *ctx) \
	{ \
		call; \
		return 0; \
	}
#define FENTRY_CALL(is_v6) call_begins((void *)ctx[0], (void *)ctx[1], ctx[2], is_v6)
#define KPROBE_CALL(is_v6) \
	call_begins((void *)PT_REGS_PARM1(ctx), (void *)PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), is_v6)

PROBE(tct_fentry_v4_connect, u64, FENTRY_CALL(false))
PROBE(tct_fentry_v6_connect, u64, FENTRY_CALL(true))
PROBE(tct_fexit_v4_connect, u64, call_returns(ctx, ctx[3], SCRATCH_OF_V4_RETURN))
PROBE(tct_fexit_v6_connect, u64, call_returns(ctx, ctx[3], SCRATCH_OF_V6_RETURN))
PROBE(tct_fentry_sent, u64, connect_sent((void *)ctx[0]))
PROBE(tct_fentry_answered, u64, connect_answered((void *)ctx[0]))

PROBE(tct_kprobe_v4_connect, struct pt_regs, KPROBE_CALL(false))
PROBE(tct_kprobe_v6_connect, struct pt_regs, KPROBE_CALL(true))
PROBE(tct_kprobe_returns, struct pt_regs, call_returns(ctx, PT_REGS_RC(ctx), SCRATCH_OF_V4_RETURN))
PROBE(tct_kprobe_sent, struct pt_regs, connect_sent((void *)PT_REGS_PARM1(ctx)))
PROBE(tct_kprobe_answered, struct pt_regs, connect_answered((void *)PT_REGS_PARM1(ctx)))
