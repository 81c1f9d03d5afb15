/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts for each network namespace: user space compares them with the kernel's own (ActiveOpens).
 *
 * A namespace has the first slot that it could claim among NETNS_PROBES, from a hash of its number on. Where all of them
 * are in use, it takes over one that was not used for NETNS_IDLE_NS; else its attempts are counted as unplaced.
 *
 * Included by tcpconntop.bpf.c after the maps. The macros TASK_* and NSPROXY_NET_NS are offsets, as in sock.h.
 */
#ifndef TCPCONNTOP_NETNS_H
#define TCPCONNTOP_NETNS_H

#include "sock.h"

#define NETNS_PROBES 8
#define NETNS_IDLE_NS 10000000000ULL
#define NETNS_CHECK_NS 10000000ULL
#define NETNS_ONLY 0xffffffffU /* stands for the one namespace of a kernel that has no others */

/*
 * The numbers of namespaces made one after another are one fixed distance apart (69 here): that of the files that each
 * one has in /proc. So every bit has to be mixed, or neighbours fill one part of the table. This is the last step of
 * MurmurHash3 (Austin Appleby, public domain).
 */
static __always_inline u32 netns_slot_index(u32 netns, int probe)
{
	u32 hash = netns ^ netns >> 16;

	hash *= 0x85ebca6bU;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35U;
	hash ^= hash >> 16;
	return (hash + probe) % NETNS_SLOTS;
}

/* The slot of a namespace, or NULL. */
static __always_inline struct netns_counters *find_netns_slot(u32 netns)
{
	struct netns_counters *slot;

#pragma unroll
	for (int probe = 0; probe < NETNS_PROBES; probe++) {
		slot = get_netns_slot(netns_slot_index(netns, probe));
		if (slot && slot->netns == netns)
			return slot;
	}
	return NULL;
}

/*
 * Try to give the slot `index` to a namespace: if it is free, or with `reuse` if it was not used for long.
 *
 * Of several programs that try, the one whose insert succeeds has it. The generation is read first and written last:
 * so a program that reads a new one reads the new time of use too, and leaves the slot alone.
 */
static __always_inline struct netns_counters *claim_netns_slot(u32 index, u32 netns, u64 now_ns, bool reuse)
{
	struct netns_counters *slot = get_netns_slot(index);
	u64 claim, former;
	u32 generation;

	if (!slot)
		return NULL;
	generation = *(volatile u32 *)&slot->generation;
	if (*(volatile u32 *)&slot->netns && !(reuse && *(volatile u64 *)&slot->used_ns + NETNS_IDLE_NS < now_ns))
		return NULL;
	former = (u64)generation << 32 | index;
	claim = (u64)(generation + 1) << 32 | index;
	if (insert_netns_claim(&claim))
		return NULL;
	*(volatile u64 *)&slot->used_ns = now_ns;
	slot->attempts = 0;
	slot->unsent = 0;
	slot->lost = 0;
	slot->tgid = 0;
	*(volatile u32 *)&slot->netns = netns;
	*(volatile u32 *)&slot->generation = generation + 1;
	delete_netns_claim(&former);
	return slot;
}

static __always_inline struct netns_counters *claim_any_netns_slot(u32 netns, u64 now_ns)
{
	struct netns_counters *slot;

#pragma unroll
	for (int probe = 0; probe < 2 * NETNS_PROBES; probe++) {
		slot = claim_netns_slot(netns_slot_index(netns, probe % NETNS_PROBES), netns, now_ns,
					probe >= NETNS_PROBES);
		if (slot)
			return slot;
	}
	return NULL;
}

/* True if the process of this thread is in a namespace: then the counts in its /proc folder are those of the namespace. */
static __always_inline bool process_is_in(const void *net, u64 thread)
{
	void *namespaces;

	if (!net)
		return true;
	namespaces = READ(void *, group_leader(thread), TASK_NSPROXY);
	return READ(void *, namespaces, NSPROXY_NET_NS) == net;
}

/*
 * Count an attempt for its namespace. Must run in the context of the process that connects. Where that process was found
 * in the namespace a moment ago, it is not looked at again.
 */
static __always_inline void count_netns_attempt(const struct event *attempt, const void *net, u64 thread)
{
	u32 netns = attempt->netns ? attempt->netns : NETNS_ONLY;
	struct netns_counters *slot = find_netns_slot(netns);

	if (!slot)
		slot = claim_any_netns_slot(netns, attempt->begin_ns);
	if (!slot) {
		COUNT(netns_unplaced);
		return;
	}
	slot->used_ns = attempt->begin_ns;
	if ((slot->tgid != attempt->tgid || attempt->begin_ns - slot->reference_ns >= NETNS_CHECK_NS) &&
	    process_is_in(net, thread)) {
		slot->tgid = attempt->tgid;
		slot->reference_ns = attempt->begin_ns;
	}
	__sync_fetch_and_add(&slot->attempts, 1);
}

/* Count in a field of the slot of an attempt's namespace, if that has one. */
#define COUNT_NETNS(attempt, field) ({ \
	struct netns_counters *slot_ = find_netns_slot((attempt)->netns ? (attempt)->netns : NETNS_ONLY); \
	if (slot_) \
		__sync_fetch_and_add(&slot_->field, 1); \
})

#endif
