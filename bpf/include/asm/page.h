/* SPDX-License-Identifier: GPL-2.0 */
#define PAGE_SIZE 4096 /* BCC's unit for sizes of buffers; not the kernel's page size */
