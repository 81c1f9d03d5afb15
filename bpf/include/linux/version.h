/* SPDX-License-Identifier: GPL-2.0 */
/* The oldest kernel that is promised: BCC picks helpers by it, and no kernel compares it any more. */
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE KERNEL_VERSION(5, 10, 0)
