/* SPDX-License-Identifier: GPL-2.0 */
#define PAGE_SIZE 4096 /* only the size that BCC gives a perf buffer sample; not the kernel's page size */
